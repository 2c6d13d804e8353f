import type { Bus, RequestListener } from '../transport/bus.ts'
import { decodeReply, encodeBatch, encodeWake } from '../transport/mailbox-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { AppendListener } from '../storage/journal-op.ts'
import type { Journal } from '../storage/journal.ts'
import type { Clock } from '../shared/clock.ts'
import type { Envelope } from '../shared/envelope.ts'
import { addressKey } from '../shared/ids.ts'
import type { Address } from '../shared/ids.ts'
import type { NotTaken } from './batch.ts'
import type { Residents } from './residents.ts'
import type { Route, RouteEffects } from './route.ts'

export interface RouterOptions {
  /** How long nobody is asked for a mailbox whose holder did not answer in time. */
  readonly offlinePathMs: number
  /** Wakes whoever holds the mailbox on another way than the bus. */
  wakeWithoutBus(to: Address): void
  /** Why an envelope may not wait in its mailbox now; undefined: it may. */
  whyNoRoom(envelope: Envelope): NotTaken | undefined
}

interface RoutedItem {
  readonly route: Route
  readonly index: number
}

/** Mailboxes remembered as silent, and wakes that could not be sent, at most. */
const MAX_REMEMBERED = 10_000

/**
 * Brings batches to mailboxes: to the actor on this node, else to the one that the bus finds, else to the journal, with
 * a wake for whoever holds the mailbox by then.
 */
export class Router implements RouteEffects, AppendListener<RoutedItem> {
  readonly #residents: Residents
  readonly #bus: Bus
  readonly #journalOf: (address: Address) => Journal
  readonly #monotonic: Clock
  readonly #options: RouterOptions
  /** Address key → until when (ms) its holder is taken for frozen. */
  readonly #silent = new Map<number, number>()
  /** To be woken at the end of the tick. */
  readonly #wakes = new Map<number, Address>()
  /** Could not be woken while the bus was away. */
  readonly #unsentWakes = new Map<number, Address>()

  constructor(
    residents: Residents,
    bus: Bus,
    journalOf: (address: Address) => Journal,
    monotonic: Clock,
    options: RouterOptions,
  ) {
    this.#residents = residents
    this.#bus = bus
    this.#journalOf = journalOf
    this.#monotonic = monotonic
    this.#options = options
    bus.onReconnect(() => this.#sendUnsentWakes())
  }

  /** Sends a batch on its way; its listener hears of every item. */
  route(route: Route): void {
    const actor = this.#residents.find(route.to)
    if (actor?.routable === true) return actor.post(route)
    if (this.#isSilent(route.to)) return void route.takeBack()
    this.#bus.request(subjects.mailbox(route.to), () => encodeBatch(route), this.#requestFor(route))
  }

  append(envelope: Envelope, route: Route, index: number): NotTaken | undefined {
    const reason = this.#options.whyNoRoom(envelope)
    if (reason !== undefined) return reason
    const append = this.#journalOf(envelope.to).append(envelope, this, { route, index }, true)
    return append === undefined ? 'refused' : undefined
  }

  appended({ route, index }: RoutedItem): void {
    route.appended(index)
  }

  notAppended({ route, index }: RoutedItem): void {
    route.notAppended(index)
  }

  /** Wakes of one tick to one mailbox are one. */
  wake(to: Address): void {
    if (this.#wakes.size === 0) queueMicrotask(() => this.#sendWakes())
    this.#wakes.set(addressKey(to.user, to.device), to)
  }

  #requestFor(route: Route): RequestListener {
    return {
      onReply: (data) => {
        const reply = decodeReply(data)
        for (const { index, outcome } of reply.answers) route.answer(index, outcome, reply.incarnation)
        return route.claimed
      },
      onNoResponders: () => void route.takeBack(),
      onTimeout: () => {
        if (route.takeBack()) this.#rememberSilent(route.to)
      },
    }
  }

  #isSilent(to: Address): boolean {
    if (this.#silent.size === 0) return false
    const key = addressKey(to.user, to.device)
    const until = this.#silent.get(key)
    if (until === undefined) return false
    if (until > this.#monotonic.now()) return true
    this.#silent.delete(key)
    return false
  }

  #rememberSilent(to: Address): void {
    remember(this.#silent, addressKey(to.user, to.device), this.#monotonic.now() + this.#options.offlinePathMs)
  }

  #sendWakes(): void {
    const wakes = [...this.#wakes]
    this.#wakes.clear()
    for (const [key, to] of wakes) {
      const actor = this.#residents.find(to)
      if (actor?.routable === true) actor.wake()
      else if (!this.#bus.publish(subjects.mailbox(to), encodeWake())) this.#wakeLate(key, to)
    }
  }

  #wakeLate(key: number, to: Address): void {
    remember(this.#unsentWakes, key, to)
    this.#options.wakeWithoutBus(to)
  }

  #sendUnsentWakes(): void {
    for (const [, to] of this.#unsentWakes) this.wake(to)
    this.#unsentWakes.clear()
  }
}

/** Sets a key of a bounded map; the oldest one makes room. */
function remember<Value>(map: Map<number, Value>, key: number, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= MAX_REMEMBERED) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
