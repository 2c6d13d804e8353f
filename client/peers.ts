import type { DeviceDifference } from '../proto/frames.ts'
import { decodeRecord, encodeRecord, keys } from './records.ts'
import type { PeerRecord } from './records.ts'
import type { Transaction } from './store.ts'

/** Of a user never written to before: the primary device, until the server corrects it. */
const FIRST_GUESS = [1] as const
const MAX_DEVICES = 8

/** A device list after what the server said of it. `stale` devices stay: they were installed anew. */
function correctDevices(devices: readonly number[], { missing, extra }: DeviceDifference): readonly number[] {
  const known = new Set([...devices, ...missing].filter((device) => Number.isInteger(device) && device > 0))
  for (const device of extra) known.delete(device)
  return [...known].sort((a, b) => a - b).slice(0, MAX_DEVICES)
}

/** The devices of those users that this device writes to: in memory once they are needed, and in the store. */
export class Peers {
  readonly #devices = new Map<number, readonly number[]>()

  /** Must have been called before {@link devicesOf} for a user. */
  async load(transaction: Transaction, user: number): Promise<void> {
    if (this.#devices.has(user)) return
    const record = decodeRecord<PeerRecord>(await transaction.get(keys.peer(user)))
    this.#devices.set(user, record?.json.devices ?? FIRST_GUESS)
  }

  devicesOf(user: number): readonly number[] {
    return this.#devices.get(user) ?? FIRST_GUESS
  }

  /** Takes the correction at once; {@link write} keeps it. */
  correct(user: number, difference: DeviceDifference): void {
    this.#devices.set(user, correctDevices(this.devicesOf(user), difference))
  }

  write(transaction: Transaction, user: number): void {
    transaction.put(keys.peer(user), encodeRecord({ devices: this.devicesOf(user) } satisfies PeerRecord))
  }
}
