import type { FlushRoom } from '../../src/storage/append-lane.ts'
import type { RoomLimits } from '../../src/storage/mailbox-room.ts'

/** How often each fault may strike in one walk. */
export interface Budgets {
  /** A recipient leaves its socket. */
  move: number
  /** The sender leaves its socket. */
  moveSender: number
  crash: number
  freeze: number
  /** A node is cut from the bus. */
  cut: number
  /** A request is given up, answered or not. */
  timeout: number
  /** The outcome of a flush becomes unknown. */
  unknown: number
  /** The journal has no room for one envelope. */
  refuse: number
  /** The journal is filled by others. */
  fill: number
  /** The journal gives up what waits. */
  giveUp: number
  poll: number
  /** A socket takes no more, so the server closes it. */
  overflow: number
  /** Somebody else sends to a mailbox, as a new chain. */
  others: number
  /** The system clock of a node is set. */
  stepSystem: number
  /** The clock of the database is set. */
  stepDatabase: number
}

/** The repairs that live outside the cores; false switches one off. */
export interface Repairs {
  /** Connections are numbered by the client, and an older one never closes a newer one. */
  readonly numbers: boolean
  /** Stamps are above what the device has seen accepted. */
  readonly floor: boolean
  /** The client hears nothing from a socket that it has left. */
  readonly deafToOldSockets: boolean
  /** The first read waits until the subscription is in force. */
  readonly flush: boolean
  /** A closing actor lets its appends finish and wakes its successor, before it answers the take-over. */
  readonly closingWake: boolean
  /** When PostgreSQL has no room, what waits behind the refused flush is refused too. */
  readonly refuseWaiting: boolean
  /** Rows are looked for again from time to time. */
  readonly poll: boolean
}

export interface WorldConfig {
  readonly nodes: number
  /** Devices of the recipient. */
  readonly recipients: number
  readonly messages: number
  readonly windowEnvelopes: number
  readonly windowBytes: number
  readonly inFlightEnvelopes: number
  /** Batches in an actor's inbox, at most. */
  readonly inboxBatches: number
  readonly bufferBytes: number
  /** Appends and deletes of one flush, at most. */
  readonly flushRoom: FlushRoom
  /** By how much each node is wrong about the database's clock. */
  readonly skew: readonly number[]
  /** Nodes remember where a mailbox was. */
  readonly locations: boolean
  /** For so many steps nobody is asked for a mailbox whose holder did not answer in time. */
  readonly silentSteps: number
  /** A wake for a mailbox of the same node does not go over the bus. */
  readonly localWakes: boolean
  /** Some messages expire. */
  readonly expiry: boolean
  /** What a session has not sent on when its socket closes is dropped. */
  readonly dropWaiting: boolean
  /** A statement that deletes and inserts one row leaves it there. */
  readonly deletesFirst: boolean
  /** A read that returns as many rows as it may says that there could be more. */
  readonly carefulReads: boolean
  /** Rows of what was delivered long ago may stay: only a poll finds them. */
  readonly staleRows: boolean
  /** What a mailbox may hold; undefined: whatever comes. */
  readonly room: RoomLimits | undefined
  readonly repairs: Repairs
  readonly budgets: Budgets
}

export const ALL_REPAIRS: Repairs = {
  numbers: true,
  floor: true,
  deafToOldSockets: true,
  flush: true,
  closingWake: true,
  refuseWaiting: true,
  poll: true,
}

/** No fault at all. */
export const NO_FAULTS: Budgets = {
  move: 0,
  moveSender: 0,
  crash: 0,
  freeze: 0,
  cut: 0,
  timeout: 0,
  unknown: 0,
  refuse: 0,
  fill: 0,
  giveUp: 0,
  poll: 0,
  overflow: 0,
  others: 0,
  stepSystem: 0,
  stepDatabase: 0,
}

/** Room for so many envelopes: half of it for each sender, if they are several. */
export function roomFor(envelopes: number, step: number): RoomLimits {
  const plenty = 1_000_000
  return {
    maxEnvelopes: envelopes,
    maxBytes: plenty,
    senderEnvelopes: envelopes,
    senderBytes: plenty,
    strangerEnvelopes: plenty,
    strangerBytes: plenty,
    strangersEnvelopes: plenty,
    strangersBytes: plenty,
    receiptBytes: plenty,
    senderReceiptBytes: plenty,
    stepEnvelopes: step,
    stepBytes: plenty,
  }
}
