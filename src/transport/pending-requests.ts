import type { RequestListener } from './bus.ts'

interface Pending<Listener> {
  readonly listener: Listener
  readonly deadline: number
}

const SWEEP_MS = 100

/** The requests of a node that wait for replies, by their own number: one timer for all, as all may take equally long. */
export class PendingRequests<Listener extends RequestListener = RequestListener> {
  readonly #timeoutMs: number
  readonly #pending = new Map<number, Pending<Listener>>()
  #last = 0
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#pending.size
  }

  /** Takes a request; its number goes with it and comes back with its replies. */
  add(listener: Listener): number {
    const id = ++this.#last
    this.#pending.set(id, { listener, deadline: performance.now() + this.#timeoutMs })
    this.#timer ??= setInterval(this.#sweep, SWEEP_MS)
    return id
  }

  /** Undefined: it has had its end. */
  find(id: number): Listener | undefined {
    return this.#pending.get(id)?.listener
  }

  /** Of all that wait, in the order of asking. */
  numbers(): readonly number[] {
    return [...this.#pending.keys()]
  }

  reply(id: number, data: Uint8Array): void {
    const pending = this.#pending.get(id)
    if (pending?.listener.onReply(data) === true) this.#pending.delete(id)
  }

  noResponders(id: number): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    pending?.listener.onNoResponders()
  }

  /** Ends all that wait, as if their time had run out. */
  close(): void {
    this.#expire(Infinity)
    this.#stopTimer()
  }

  readonly #sweep = (): void => {
    this.#expire(performance.now())
    if (this.#pending.size === 0) this.#stopTimer()
  }

  #expire(now: number): void {
    for (const [id, { listener, deadline }] of this.#pending) {
      if (deadline > now) return
      this.#pending.delete(id)
      listener.onTimeout()
    }
  }

  #stopTimer(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
