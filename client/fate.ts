import { CloseCode, mayReconnect } from '../proto/close-codes.ts'

/** How far a connection had come: no `connect` went out on its socket yet, it has no answer yet, or the session is there. */
export type Progress = 'opening' | 'asking' | 'online'

/**
 * What the end of a connection means. `lost`: connect again. `fault`: connect again, but slowly, since it may happen
 * again at once. `stop`: connecting again would not help, or would harm.
 */
export type Fate = 'lost' | 'fault' | 'stop'

/**
 * The one rule of what a close code means to a client.
 *
 * A terminal code counts as the answer to the `connect` that went out on that very socket. Before that nobody can have
 * judged this device: it is a lost connection, whoever closed it. In a session the server can say that another one took
 * over, or that the device was removed: to come back would close the newer session, or be refused for ever. Any other
 * terminal code in a session blames this client for something that a new session may not repeat; if it is meant for good,
 * the next `connect` is answered with it.
 */
export function fateOf(code: number, progress: Progress): Fate {
  if (mayReconnect(code) || progress === 'opening') return 'lost'
  if (progress === 'asking') return 'stop'
  return code === CloseCode.REPLACED || code === CloseCode.DEVICE_REMOVED ? 'stop' : 'fault'
}
