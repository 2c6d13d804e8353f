import type { Bus, BusHandler } from '../transport/bus.ts'
import { subjects } from '../transport/subjects.ts'

/** Who waits on this node, at most. */
const MAX_WAITERS = 500
const NOTHING = new Uint8Array(0)

/** Tells those who wait at a rendezvous, on whatever node, that there is something new. What is not heard is found later. */
export class LinkWaiters {
  readonly #bus: Bus
  readonly #waiting = new Set<() => void>()
  #stopped = false

  constructor(bus: Bus) {
    this.#bus = bus
  }

  announce(rendezvous: string): void {
    this.#bus.publish(subjects.link(rendezvous), NOTHING)
  }

  /** Nobody waits from now on. */
  stop(): void {
    this.#stopped = true
    for (const onNews of this.#waiting) onNews()
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /**
   * Calls back at each news until it is disposed of. In force when the promise resolves. Undefined: too many wait, or
   * nobody shall.
   */
  async listen(rendezvous: string, onNews: () => void): Promise<Disposable | undefined> {
    if (this.#stopped || this.#waiting.size >= MAX_WAITERS) return undefined
    const subject = subjects.link(rendezvous)
    const handler: BusHandler = { onlyHears: true, onBusMessage: onNews }
    this.#waiting.add(onNews)
    this.#bus.subscribe(subject, handler)
    await this.#bus.flush()
    return {
      [Symbol.dispose]: () => {
        this.#waiting.delete(onNews)
        this.#bus.unsubscribe(subject, handler)
      },
    }
  }
}
