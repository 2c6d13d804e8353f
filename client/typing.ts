import type { Clock } from './clock.ts'

/** A signal that says whether somebody is writing: version 0, then 1 for writing, 2 for no longer. */
export function encodeTyping(typing: boolean): Uint8Array {
  return Uint8Array.of(0, typing ? 1 : 2)
}

/** undefined for a signal of another sort. */
export function decodeTyping(payload: Uint8Array): boolean | undefined {
  if (payload.length !== 2 || payload[0] !== 0) return undefined
  return payload[1] === 1 ? true : payload[1] === 2 ? false : undefined
}

/** While somebody writes, one signal in this time is enough. */
const REPEAT_MS = 3_000
/** Signals may be lost, so who was not heard of for this long has stopped. */
const EXPIRE_MS = 7_000
const MAX_WRITERS = 1_000

/** Own typing, thinned out, and the others', which ends by itself. */
export class Typing {
  readonly #clock: Clock
  readonly #changed: (user: number, typing: boolean) => void
  readonly #told = new Map<number, number>()
  readonly #writers = new Map<number, () => void>()

  constructor(clock: Clock, changed: (user: number, typing: boolean) => void) {
    this.#clock = clock
    this.#changed = changed
  }

  /** Whether a signal is due now that this device's user is writing, or has stopped. */
  shouldTell(user: number, typing: boolean): boolean {
    const toldAt = this.#told.get(user)
    if (!typing) return this.#told.delete(user)
    const now = this.#clock.monotonic()
    if (toldAt !== undefined && now - toldAt < REPEAT_MS) return false
    this.#told.set(user, now)
    return true
  }

  /** The message was sent, which ends the typing on the other side too. */
  sent(user: number): void {
    this.#told.delete(user)
  }

  /** A signal came, or a message: then the writing has ended. */
  heard(user: number, typing: boolean): void {
    const cancel = this.#writers.get(user)
    cancel?.()
    this.#writers.delete(user)
    if (typing && this.#writers.size < MAX_WRITERS) {
      this.#writers.set(
        user,
        this.#clock.setTimer(() => this.heard(user, false), EXPIRE_MS),
      )
    }
    if ((cancel !== undefined) !== typing) this.#changed(user, typing)
  }

  /** Ends all timers. */
  close(): void {
    for (const cancel of this.#writers.values()) cancel()
    this.#writers.clear()
  }
}
