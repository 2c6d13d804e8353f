import { createDataKey, sealDataKey } from '../../../client/crypto/hosted/key-box.ts'
import type { HostedDevice } from '../../../client/crypto/hosted/key-box.ts'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import type { Address } from '../../shared/ids.ts'
import type { HostedRecords } from '../../storage/hosted-records.ts'
import { addressOf, DataKeys } from './data-keys.ts'
import type { DataKeysOptions } from './data-keys.ts'
import { HostedStore } from './hosted-store.ts'
import type { MasterKeys } from './master-keys.ts'
import { Turns } from './turns.ts'

export interface HostedStoresParts {
  readonly records: HostedRecords
  readonly masterKeys: MasterKeys
  readonly options: DataKeysOptions
  /** A record of the device does not open. */
  readonly onDamaged: (device: HostedDevice) => void
}

/** Makes and opens the stores of hosted devices. */
export class HostedStores {
  readonly #parts: HostedStoresParts
  readonly #dataKeys: DataKeys
  readonly #turns = new Turns()

  constructor(parts: HostedStoresParts) {
    this.#parts = parts
    this.#dataKeys = new DataKeys(parts.masterKeys, parts.options)
  }

  /**
   * An empty store for a new installation of a device, which must be registered. It goes with its device.
   * @throws HostedDeviceGoneError when there is no such device
   */
  async create(device: HostedDevice): Promise<HostedStore> {
    const { records, masterKeys } = this.#parts
    const dataKey = createDataKey(device, 1)
    await records.run(addressOf(device), async (rows) => {
      rows.clear()
      rows.putBox({
        generation: dataKey.generation,
        masterKeyId: masterKeyId(masterKeys.first),
        box: sealDataKey(dataKey, masterKeys.first),
      })
    })
    return this.#store(device)
  }

  /** @throws HostedDeviceGoneError when the device has no store; RefusalError HOSTED_LOCKED, UNAVAILABLE, OVERLOADED */
  async open(address: Address): Promise<HostedStore> {
    const { newest } = await this.#parts.records.run(address, async ({ boxes }) => this.#dataKeys.open(await boxes))
    return this.#store({ address, registrationId: newest.registrationId })
  }

  #store(device: HostedDevice): HostedStore {
    const { records, onDamaged } = this.#parts
    return new HostedStore(device, { records, dataKeys: this.#dataKeys, turns: this.#turns, onDamaged })
  }
}
