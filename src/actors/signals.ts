import type { Bus } from '../transport/bus.ts'
import { encodeSignal } from '../transport/mailbox-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { Directory } from './directory.ts'
import type { Residents } from './residents.ts'

/** Carries signals: typing, call set-up. At once, or not at all. */
export class Signals {
  readonly #residents: Residents
  readonly #bus: Bus
  readonly #directory: Directory

  constructor(residents: Residents, bus: Bus, directory: Directory) {
    this.#residents = residents
    this.#bus = bus
    this.#directory = directory
  }

  /** Hands a signal to one device of a user, or to all but the sending one. */
  send(from: Address, user: UserId, device: DeviceId | undefined, payload: Uint8Array): void {
    if (device !== undefined) return this.#hand(from, { user, device }, payload)
    const known = this.#directory.peek(user)
    if (known !== undefined) return this.#handAll(from, user, known, payload)
    this.#directory.find(user).then(
      (devices) => this.#handAll(from, user, devices, payload),
      () => undefined,
    )
  }

  #handAll(from: Address, user: UserId, devices: readonly { device: DeviceId }[], payload: Uint8Array): void {
    for (const { device } of devices) {
      if (user !== from.user || device !== from.device) this.#hand(from, { user, device }, payload)
    }
  }

  #hand(from: Address, to: Address, payload: Uint8Array): void {
    const actor = this.#residents.find(to)
    if (actor?.routable === true) actor.signal({ type: 'signal', from, payload })
    else this.#bus.publish(subjects.mailbox(to), encodeSignal(from, payload))
  }
}
