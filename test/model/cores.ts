import { Conversation } from '../../src/actors/conversation.ts'
import { InFlight } from '../../src/actors/in-flight.ts'
import { MailboxState } from '../../src/actors/mailbox-state.ts'
import { Route } from '../../src/actors/route.ts'
import { JournalBuffer } from '../../src/storage/journal-buffer.ts'

/** The classes under test. A flaw is planted by giving the world others. */
export interface Cores {
  readonly Conversation: typeof Conversation
  readonly InFlight: typeof InFlight
  readonly MailboxState: typeof MailboxState
  readonly Route: typeof Route
  readonly JournalBuffer: typeof JournalBuffer
}

export const realCores: Cores = { Conversation, InFlight, MailboxState, Route, JournalBuffer }
