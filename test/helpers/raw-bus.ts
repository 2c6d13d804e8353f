import type { Bus, BusHandler, RequestListener } from '../../src/transport/bus.ts'
import { decodeRequest } from '../../src/transport/mailbox-protocol.ts'
import type { MailboxRequest } from '../../src/transport/mailbox-protocol.ts'
import type { Address } from '../../src/shared/ids.ts'
import { waitUntil } from './wait-until.ts'

type Holdable = MailboxRequest['type'] | 'answer' | 'subscribe' | 'other'

interface Held {
  readonly what: Holdable
  readonly go: () => void
}

const NOBODY = { user: 0, device: 0 } as Address

/** A node's end of a bus between whose messages and it a test stands: it holds messages back, or cuts the node off. */
export class HeldBus implements Bus {
  readonly #bus: Bus
  /** What waits, in order. */
  #held: Held[] = []
  readonly #holding = new Set<Holdable>()
  readonly #reconnects: (() => void)[] = []
  #cut = false

  constructor(bus: Bus) {
    this.#bus = bus
  }

  /** Keeps back requests and messages of this type, the answers to this node's requests, or its subscriptions. */
  hold(what: Holdable): void {
    this.#holding.add(what)
  }

  /** Resolves when so many of them wait. */
  async holds(what: Holdable, count = 1): Promise<void> {
    await waitUntil(`${count} of ${what} are held back`, () => {
      return this.#held.filter((held) => held.what === what).length >= count
    })
  }

  /** Lets go of what is held, and holds no more of it. */
  release(what: Holdable): void {
    for (const { go } of this.#forget(what)) go()
  }

  /** What is held never arrives; what comes passes. */
  drop(what: Holdable): void {
    this.#forget(what)
  }

  /** From now on the node is not connected. */
  cut(): void {
    this.#cut = true
  }

  mend(): void {
    this.#cut = false
    for (const callback of this.#reconnects) callback()
  }

  get connected(): boolean {
    return !this.#cut && this.#bus.connected
  }

  subscribe(subject: string, handler: BusHandler): void {
    this.#pass('subscribe', () => this.#bus.subscribe(subject, handler))
  }

  unsubscribe(subject: string, handler: BusHandler): void {
    this.#bus.unsubscribe(subject, handler)
  }

  publish(subject: string, data: Uint8Array): boolean {
    if (this.#cut) return false
    this.#pass(typeOf(subject, data), () => void this.#bus.publish(subject, data))
    return true
  }

  request(subject: string, data: () => Uint8Array, listener: RequestListener): void {
    this.#request('request', subject, data, listener)
  }

  requestAll(subject: string, data: () => Uint8Array, listener: RequestListener): void {
    this.#request('requestAll', subject, data, listener)
  }

  #request(how: 'request' | 'requestAll', subject: string, data: () => Uint8Array, listener: RequestListener): void {
    if (this.#cut) return queueMicrotask(() => listener.onNoResponders())
    const bytes = data()
    const answered: RequestListener = {
      onReply: (reply) => {
        if (!this.#holding.has('answer')) return listener.onReply(reply)
        this.#held.push({ what: 'answer', go: () => listener.onReply(reply) })
        return false
      },
      onNoResponders: () => this.#pass('answer', () => listener.onNoResponders()),
      onTimeout: () => listener.onTimeout(),
    }
    this.#pass(typeOf(subject, bytes), () => this.#bus[how](subject, () => bytes, answered))
  }

  flush(): Promise<void> {
    if (!this.#holding.has('subscribe')) return this.#bus.flush()
    return new Promise((resolve) => {
      this.#held.push({ what: 'subscribe', go: () => void this.#bus.flush().then(resolve) })
    })
  }

  onReconnect(callback: () => void): void {
    this.#reconnects.push(callback)
    this.#bus.onReconnect(callback)
  }

  async close(): Promise<void> {
    await this.#bus.close()
  }

  #pass(what: Holdable, go: () => void): void {
    if (this.#holding.has(what)) this.#held.push({ what, go })
    else go()
  }

  #forget(what: Holdable): Held[] {
    this.#holding.delete(what)
    const [gone, left] = [
      this.#held.filter((held) => held.what === what),
      this.#held.filter((held) => held.what !== what),
    ]
    this.#held = left
    return gone
  }
}

function typeOf(subject: string, data: Uint8Array): Holdable {
  return subject.startsWith('parley.mailbox.') ? decodeRequest(data, NOBODY).type : 'other'
}
