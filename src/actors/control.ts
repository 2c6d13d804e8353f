import type { Bus, BusHandler } from '../transport/bus.ts'
import { decodeControl, encodeControl } from '../transport/control-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { UserId } from '../shared/ids.ts'

/** What a node does when accounts have changed through another node. */
export interface ControlListener {
  /** The user has other devices than before: sessions of those that are gone must end. */
  devicesChanged(user: UserId): void
  /** The same of anybody, unheard. */
  anythingChanged(): void
}

/** Users whose change could not be told while the bus was away, at most: the oldest makes room. */
const MAX_UNTOLD = 100_000

/**
 * Tells the other nodes which users' devices have changed, and hears it from them. A message may be lost with the bus:
 * after each return of it nothing that was remembered is believed, and what could not be told is told.
 */
export class Control implements BusHandler {
  readonly #bus: Bus
  readonly #listener: ControlListener
  readonly #untold = new Set<UserId>()

  constructor(bus: Bus, listener: ControlListener) {
    this.#bus = bus
    this.#listener = listener
    bus.subscribe(subjects.everyControl, this)
    bus.onReconnect(() => this.#returned())
  }

  /** Tells all nodes, this one included; while the bus is away, later. */
  announce(user: UserId): void {
    if (this.#bus.publish(subjects.control(user), encodeControl(user))) return
    this.#untold.add(user)
    if (this.#untold.size <= MAX_UNTOLD) return
    const [oldest] = this.#untold
    if (oldest !== undefined) this.#untold.delete(oldest)
  }

  onBusMessage(data: Uint8Array): void {
    const user = decodeControl(data)
    if (user !== undefined) this.#listener.devicesChanged(user)
  }

  #returned(): void {
    this.#listener.anythingChanged()
    const untold = [...this.#untold]
    this.#untold.clear()
    for (const user of untold) this.announce(user)
  }

  /** Hears no more. */
  close(): void {
    this.#bus.unsubscribe(subjects.everyControl, this)
  }
}
