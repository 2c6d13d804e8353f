import type { Load } from './load.ts'

/** An author and a reader whose messages live their whole lives, over and over. */
export interface Pair {
  /** Begins to send: a window full, then one for each that was read; or only when told, if the load has a rate. */
  start(load: Load): void
  /** Sends one message more. */
  sendOne(): void
  /** Sends nothing more of its own accord. */
  stop(): void
  /** Every message has lived its whole life. */
  readonly idle: boolean
}
