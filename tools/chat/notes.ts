import type { KnownKeys } from '../../client/index.ts'
import { identityText } from './words.ts'

/** A line in a chat that is no message. */
export interface Note {
  /** It stands after the message of this order. */
  readonly after: number
  readonly text: string
}

const AT_THE_END = Number.MAX_SAFE_INTEGER

/** What happened to the keys of somebody, for the chat with them. */
export function notesOf({ changedAfter, forked }: Pick<KnownKeys, 'changedAfter' | 'forked'>, name: string): Note[] {
  const changed = changedAfter === undefined ? [] : [{ after: changedAfter, text: identityText('changed', name) }]
  return forked ? [...changed, { after: AT_THE_END, text: identityText('forked', name) }] : changed
}
