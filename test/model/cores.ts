import { Conversation } from '../../src/actors/conversation.ts'
import { ExpiryGuard } from '../../src/actors/expiry-guard.ts'
import { Expiry } from '../../src/actors/expiry.ts'
import { InFlight } from '../../src/actors/in-flight.ts'
import { MailboxState } from '../../src/actors/mailbox-state.ts'
import { Route } from '../../src/actors/route.ts'
import { DatabaseClock } from '../../src/storage/database-clock.ts'
import { Sending } from '../../src/actors/sending.ts'
import { JournalBuffer } from '../../src/storage/journal-buffer.ts'
import { MessageStamps } from '../../src/storage/message-stamps.ts'
import { MailboxRoom } from '../../src/storage/mailbox-room.ts'

/** The classes under test. A flaw is planted by giving the world others. */
export interface Cores {
  readonly Conversation: typeof Conversation
  readonly InFlight: typeof InFlight
  readonly MailboxState: typeof MailboxState
  readonly MailboxRoom: typeof MailboxRoom
  readonly Route: typeof Route
  readonly Sending: typeof Sending
  readonly JournalBuffer: typeof JournalBuffer
  readonly DatabaseClock: typeof DatabaseClock
  readonly MessageStamps: typeof MessageStamps
  readonly ExpiryGuard: typeof ExpiryGuard
  readonly Expiry: typeof Expiry
}

export const realCores: Cores = {
  Conversation,
  InFlight,
  MailboxRoom,
  Sending,
  MailboxState,
  Route,
  JournalBuffer,
  DatabaseClock,
  MessageStamps,
  ExpiryGuard,
  Expiry,
}
