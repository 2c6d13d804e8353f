import { ParleyError } from './errors.ts'
import { decodeRecord, encodeRecord, isKnownFormat, keys, newDevice } from './records.ts'
import type { DeviceRecord } from './records.ts'
import type { Transaction } from './store.ts'

/**
 * What this device knows of itself: in memory, as the only user of its store, and written with the changes that need it.
 * Its numbers only rise, so memory may be ahead of the store.
 */
export class DeviceState {
  #record: DeviceRecord

  private constructor(record: DeviceRecord) {
    this.#record = record
  }

  /** @throws {ParleyError} NEWER_STORE when a later version of the SDK has written the store */
  static async read(transaction: Transaction): Promise<DeviceState> {
    const record = decodeRecord<DeviceRecord>(await transaction.get(keys.device))?.json
    if (record !== undefined && !isKnownFormat(record)) {
      throw new ParleyError('NEWER_STORE', 'The store was written by a later version')
    }
    return new DeviceState({ ...newDevice, ...record })
  }

  /** Takes what another user of the store has written. */
  async reload(transaction: Transaction): Promise<void> {
    this.#record = (await DeviceState.read(transaction)).record
  }

  get record(): DeviceRecord {
    return this.#record
  }

  write(transaction: Transaction, change: Partial<DeviceRecord> = {}): void {
    this.#record = { ...this.#record, ...change }
    transaction.put(keys.device, encodeRecord(this.#record))
  }

  /** The next place in the order of messages; the change that uses it must {@link write} too. */
  takeOrder(): number {
    const order = this.#record.nextOrder
    this.#record = { ...this.#record, nextOrder: order + 1 }
    return order
  }

  /** Notes a message id of an `accepted`. */
  writeAccepted(transaction: Transaction, messageId: bigint): void {
    const highest = BigInt(this.#record.lastMessageId)
    this.write(transaction, { lastMessageId: String(messageId > highest ? messageId : highest) })
  }
}
