import type { Account } from './accounts.ts'

/** Two users who write to each other: the author sends, the reader acknowledges and reads. */
export interface PairOfAccounts {
  readonly author: Account
  readonly reader: Account
}

/** Where the pairs of a load generator connect to, besides the relay. */
export interface OpenOptions {
  /** `ws://…` of the nodes where authors and readers are, and of the relay. */
  readonly authorUrl: string
  readonly readerUrl: string
  readonly relayUrl: string
  readonly pairs: readonly PairOfAccounts[]
  /** Pairs of the relay, and the number of the first of them. */
  readonly relayPairs: number
  readonly firstRelayPair: number
  readonly payloadBytes: number
}

/** What the pairs do from `start` to `finish`. */
export interface Load {
  readonly target: 'server' | 'relay'
  /** So many of the pairs take part. */
  readonly pairs: number
  /** Messages of a pair that are not read yet. Without meaning when `perSecond` is given. */
  readonly window: number
  /** Between a delivery and its acknowledgement, at both ends. 0: at once. */
  readonly ackDelayMs: number
  /** Messages of this generator, at even intervals, whatever is still unread; undefined: as the window allows. */
  readonly perSecond?: number | undefined
}

/** What a load generator counts from its start on. */
export interface Counts {
  readonly sent: number
  /** ✓ */
  readonly accepted: number
  /** Deliveries to the reader. */
  readonly delivered: number
  /** ✓✓, by receipt or within ✓. */
  readonly received: number
  /** ✓ that said "delivered". */
  readonly elided: number
  /** ✓✓ receipts for what ✓ had called delivered: the row was on its way to PostgreSQL when the acknowledgement came. */
  readonly repeated: number
  /** Messages and READ that came again: between nodes, what is sent twice is dropped by clients. */
  readonly twice: number
  /** READ that reached the author: whole lives. */
  readonly read: number
  /** READ frames sent, and those that the server accepted. */
  readonly readsSent: number
  readonly readsAccepted: number
  /** WebSocket messages to the server and from it. */
  readonly messagesIn: number
  readonly messagesOut: number
  /** What came unasked or as an error; 0 when all is well. */
  readonly unexpected: number
}

export const NO_COUNTS: Counts = {
  sent: 0,
  accepted: 0,
  delivered: 0,
  received: 0,
  elided: 0,
  repeated: 0,
  twice: 0,
  read: 0,
  readsSent: 0,
  readsAccepted: 0,
  messagesIn: 0,
  messagesOut: 0,
  unexpected: 0,
}

/** Counts put together by name: their sums, their differences. */
export function combine(a: Counts, b: Counts, how: (a: number, b: number) => number): Counts {
  const names = Object.keys(NO_COUNTS) as (keyof Counts)[]
  return Object.fromEntries(names.map((name) => [name, how(a[name], b[name])])) as unknown as Counts
}

/** Times in ms, as the clients saw them, since the last mark. */
export interface Latencies {
  /** From `send` to `accepted`. */
  readonly acceptedMs: Float64Array
  /** From `send` to `deliver`. */
  readonly deliveredMs: Float64Array
}

/** What a load generator has seen, and the CPU time it has used. */
export interface LoadSample {
  readonly counts: Counts
  /** The first unexpected thing, in words; empty when there was none. */
  readonly surprise: string
  readonly latencies: Latencies
  readonly cpuMs: number
}

/** What a load generator does for the bench. */
export interface LoadApi {
  open(options: OpenOptions): Promise<void>
  start(load: Load): void
  /** Forgets the latencies so far. */
  mark(argument: undefined): void
  sample(argument: undefined): LoadSample
  /** Sends nothing more; resolves when every message has lived its whole life, or has not in 30 s. */
  finish(argument: undefined): Promise<void>
}
