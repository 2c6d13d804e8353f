import type { Bus, BusHandler, RequestListener } from './bus.ts'
import { PendingRequests } from './pending-requests.ts'

interface Subscriber {
  readonly bus: LocalBus
  readonly handler: BusHandler
}

/** The bus of nodes that share one process; usually of one alone. */
export class LocalBusHub {
  readonly #subscribers = new Map<string, Subscriber[]>()

  connect(requestTimeoutMs: number): LocalBus {
    return new LocalBus(this, requestTimeoutMs)
  }

  /** All that hear a message of the subject. */
  find(subject: string): readonly Subscriber[] {
    const named = this.#subscribers.get(subject) ?? []
    const any = this.#subscribers.get(subject.slice(0, subject.lastIndexOf('.')) + '.*')
    return any === undefined ? named : [...named, ...any]
  }

  add(subject: string, subscriber: Subscriber): void {
    this.#subscribers.set(subject, [...(this.#subscribers.get(subject) ?? []), subscriber])
  }

  remove(subject: string, isGone: (subscriber: Subscriber) => boolean): void {
    const left = (this.#subscribers.get(subject) ?? []).filter((subscriber) => !isGone(subscriber))
    if (left.length === 0) this.#subscribers.delete(subject)
    else this.#subscribers.set(subject, left)
  }

  removeAll(bus: LocalBus): void {
    for (const subject of this.#subscribers.keys()) this.remove(subject, (subscriber) => subscriber.bus === bus)
  }
}

/** One node's end of a {@link LocalBusHub}. */
export class LocalBus implements Bus {
  readonly #hub: LocalBusHub
  readonly #requests: PendingRequests
  #connected = true

  constructor(hub: LocalBusHub, requestTimeoutMs: number) {
    this.#hub = hub
    this.#requests = new PendingRequests(requestTimeoutMs)
  }

  get connected(): boolean {
    return this.#connected
  }

  subscribe(subject: string, handler: BusHandler): void {
    this.#hub.add(subject, { bus: this, handler })
  }

  unsubscribe(subject: string, handler: BusHandler): void {
    this.#hub.remove(subject, (subscriber) => subscriber.bus === this && subscriber.handler === handler)
  }

  publish(subject: string, data: Uint8Array): boolean {
    if (!this.#connected) return false
    const subscribers = this.#hub.find(subject)
    if (subscribers.length > 0) queueMicrotask(() => hand(subscribers, data, undefined))
    return true
  }

  request(subject: string, data: () => Uint8Array, listener: RequestListener): void {
    const subscribers = this.#connected ? this.#hub.find(subject) : []
    if (subscribers.length === 0) return queueMicrotask(() => listener.onNoResponders())
    const id = this.#requests.add(listener)
    const bytes = data()
    const reply = (answer: Uint8Array) => queueMicrotask(() => this.#requests.reply(id, answer))
    queueMicrotask(() => hand(subscribers, bytes, reply))
  }

  requestAll(subject: string, data: () => Uint8Array, listener: RequestListener): void {
    this.request(subject, data, listener)
  }

  async flush(): Promise<void> {
    await Promise.resolve()
  }

  /** The hub is never lost. */
  onReconnect(): void {}

  async close(): Promise<void> {
    this.#connected = false
    this.#hub.removeAll(this)
    this.#requests.close()
  }
}

function hand(subscribers: readonly Subscriber[], data: Uint8Array, reply: ((data: Uint8Array) => void) | undefined) {
  for (const { bus, handler } of subscribers) if (bus.connected) handler.onBusMessage(data, reply)
}
