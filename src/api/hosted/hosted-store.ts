import type { HostedDevice } from '../../../client/crypto/hosted/key-box.ts'
import { BufferedTransaction, StoreClosedError } from '../../../client/store.ts'
import type { Store, Transaction } from '../../../client/store.ts'
import type { HostedRecords } from '../../storage/hosted-records.ts'
import { addressOf } from './data-keys.ts'
import type { DataKeys } from './data-keys.ts'
import { SealedRecords } from './sealed-records.ts'
import type { Turns } from './turns.ts'

export interface HostedStoreParts {
  readonly records: HostedRecords
  readonly dataKeys: DataKeys
  readonly turns: Turns
  /** A record does not open. */
  readonly onDamaged: (device: HostedDevice) => void
}

/**
 * The store of one installation of a hosted device, sealed in PostgreSQL. Any node may open it at any time: each
 * transaction has the device for itself, in all nodes, from its begin to its commit.
 *
 * Beside what {@link Store} promises: `transaction` rejects with a RefusalError (UNAVAILABLE, OVERLOADED, HOSTED_LOCKED),
 * with HostedDeviceGoneError when the device was removed or registered again, and with what `pg` says of a lost
 * connection: then it is not known whether it was written, and the next transaction shows it.
 */
export class HostedStore implements Store {
  readonly device: HostedDevice
  readonly #parts: HostedStoreParts
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(device: HostedDevice, parts: HostedStoreParts) {
    this.device = device
    this.#parts = parts
  }

  /** @param expected - keys of records that will probably be wanted */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, expected: Iterable<string> = []): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreClosedError('The store is closed'))
    const { records, dataKeys, turns, onDamaged } = this.#parts
    const address = addressOf(this.device)
    const result = turns.take(address, () =>
      records.run(address, async (rows) => {
        const sealed = new SealedRecords(rows, this.device, dataKeys, () => onDamaged(this.device))
        sealed.readAhead(expected)
        const transaction = new BufferedTransaction(sealed)
        const answer = await work(transaction)
        await sealed.write(transaction.changes)
        return answer
      }),
    )
    this.#last = Promise.allSettled([this.#last, result])
    return result
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#last
  }
}
