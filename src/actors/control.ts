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

/**
 * Tells the other nodes which users' devices have changed, and hears it from them. A message may be lost with the bus;
 * after each return of it nothing that was remembered is believed.
 */
export class Control implements BusHandler {
  readonly #bus: Bus
  readonly #listener: ControlListener

  constructor(bus: Bus, listener: ControlListener) {
    this.#bus = bus
    this.#listener = listener
    bus.subscribe(subjects.everyControl, this)
    bus.onReconnect(() => listener.anythingChanged())
  }

  /** Tells all nodes, this one included. */
  announce(user: UserId): void {
    this.#bus.publish(subjects.control(user), encodeControl(user))
  }

  onBusMessage(data: Uint8Array): void {
    const user = decodeControl(data)
    if (user !== undefined) this.#listener.devicesChanged(user)
  }

  /** Hears no more. */
  close(): void {
    this.#bus.unsubscribe(subjects.everyControl, this)
  }
}
