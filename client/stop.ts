import { CloseCode } from '../proto/close-codes.ts'

/** Why a client stays offline until its app does something. */
export type StopCause =
  /** `Client.disconnect` was called. */
  | 'disconnected'
  /** The device is in use somewhere else, with a newer session. */
  | 'replaced'
  /** The server does not know the token: somebody registered the number again, or it was never right. */
  | 'unauthenticated'
  /** The device was removed from the account, or the account was deleted. */
  | 'removed'
  /** The store is that of another user than the token. */
  | 'otherUser'
  /** The server takes no `connect` of this client, for example of this version. */
  | 'refused'

/**
 * What helps. `connect`: call `Client.connect`, when a person wants it. `register`: make the device known again, by
 * `verify`, `restore` or `linkDevice`. `update`: a newer version of the app; `Client.connect` tries this one again.
 */
export type Remedy = 'connect' | 'register' | 'update'

/** The end of a client's own attempts to be connected. */
export interface Stop {
  readonly cause: StopCause
  readonly remedy: Remedy
  /** The close code of the server, 1000 where nobody closed. */
  readonly code: number
  /** For people. */
  readonly reason: string
}

const REMEDIES: Readonly<Record<StopCause, Remedy>> = {
  disconnected: 'connect',
  replaced: 'connect',
  unauthenticated: 'register',
  removed: 'register',
  otherUser: 'register',
  refused: 'update',
}

const CAUSES: ReadonlyMap<number, StopCause> = new Map([
  [CloseCode.REPLACED, 'replaced'],
  [CloseCode.UNAUTHENTICATED, 'unauthenticated'],
  [CloseCode.DEVICE_REMOVED, 'removed'],
])

/** A stop that the client itself decided on. */
export function stopFor(cause: 'disconnected' | 'otherUser', reason: string): Stop {
  return { cause, remedy: REMEDIES[cause], code: 1000, reason }
}

/** A stop by a terminal close code. */
export function stopBy(code: number, reason: string): Stop {
  const cause = CAUSES.get(code) ?? 'refused'
  return { cause, remedy: REMEDIES[cause], code, reason }
}
