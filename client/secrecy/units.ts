import type { Body } from '../../proto/content.ts'
import { Kind } from '../../proto/frames.ts'
import type { WireAddress } from '../../proto/frames.ts'
import type { Arrival } from '../arrival.ts'
import { newClientId } from '../client-id.ts'
import type { Clock } from '../clock.ts'
import { encodeContent } from '../content.ts'
import type { DeviceState } from '../device-state.ts'
import type { OutboxEntry } from '../outbox-entry.ts'
import { encodeOutboxEntry, keys } from '../records.ts'
import type { Transaction } from '../store.ts'

const NO_BYTES = new Uint8Array(0)

/** Makes what devices send to each other unseen by people. */
export class Units {
  readonly #device: DeviceState
  readonly #clock: Clock

  constructor(device: DeviceState, clock: Clock) {
    this.#device = device
    this.#clock = clock
  }

  /**
   * To be encrypted for one device.
   *
   * @param account - the only account key that it is for
   */
  sendTo(transaction: Transaction, to: WireAddress, body: Body, arrival: Arrival, account?: string): void {
    const content = this.#content(to.user, body)
    const only = account === undefined ? {} : { account }
    this.#put(transaction, { to: to.user, content, devices: [to.device], ...only, copies: [], sealed: false }, arrival)
  }

  /** To be encrypted for all devices of the user but this one. */
  sendToAll(transaction: Transaction, user: number, body: Body, arrival: Arrival): void {
    this.#put(transaction, { to: user, content: this.#content(user, body), copies: [], sealed: false }, arrival)
  }

  /** As it is, to one installation of a device: what is no content, and needs no session. */
  sendBare(
    transaction: Transaction,
    { user, device }: WireAddress,
    registrationId: number,
    payload: Uint8Array,
    arrival: Arrival,
  ): void {
    const copies = [{ device, registrationId, payload }]
    this.#put(transaction, { to: user, content: NO_BYTES, devices: [device], copies, sealed: true }, arrival)
  }

  #content(user: number, body: Body): Uint8Array {
    return encodeContent({ id: newClientId(), sentAtMs: this.#clock.now(), chat: { type: 'user', user }, body })
  }

  #put(
    transaction: Transaction,
    unit: Pick<OutboxEntry, 'to' | 'content' | 'devices' | 'account' | 'copies' | 'sealed'>,
    arrival: Arrival,
  ): void {
    const order = this.#device.takeOrder()
    const entry: OutboxEntry = { ...unit, id: newClientId(), order, kind: Kind.DEVICE_EVENT, about: [] }
    transaction.put(keys.outbox(order), encodeOutboxEntry(entry))
    this.#device.write(transaction)
    arrival.entries.push(entry)
  }
}
