import type { IncomingMessage, Message, OutgoingMessage } from './message.ts'
import type { OutboxEntry } from './outbox-entry.ts'
import type { Hint } from './secrecy/hint.ts'

/** What came of envelopes: to be told, sent or asked once the transaction that stored it has succeeded. */
export class Arrival {
  /** New messages. */
  readonly messages: IncomingMessage[] = []
  /** New messages that another device of the user has sent. */
  readonly sent: OutgoingMessage[] = []
  /** Messages that show something else than before, or were read elsewhere. */
  readonly changed: Message[] = []
  /** Outgoing messages that have moved. */
  readonly receipts: OutgoingMessage[] = []
  /** What goes out because of it; it is in the store already. */
  readonly entries: OutboxEntry[] = []
  /** Users whose device lists must be fetched: something of theirs waits for it. */
  readonly unlisted = new Set<number>()
  /** Users who show different device lists to different people, or of whom the server does. */
  readonly forked = new Set<number>()
  /** Users about whose keys the person has decided on another own device. */
  readonly decided = new Set<number>()
  /** From the server. */
  readonly hints: Hint[] = []
  /** Messages of the history that came from the primary device. */
  archived = 0
  archiveEnded = false
}
