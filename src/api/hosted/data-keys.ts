import { LRUCache } from 'lru-cache'
import { hex } from '../../../client/crypto/bytes.ts'
import { decodeKeyBox, openDataKey } from '../../../client/crypto/hosted/key-box.ts'
import type { DataKey, HostedDevice, KeyBox } from '../../../client/crypto/hosted/key-box.ts'
import type { Address } from '../../shared/ids.ts'
import { RefusalError } from '../../shared/refusal.ts'
import { HostedDeviceGoneError } from '../../storage/hosted-records.ts'
import type { MasterKeys } from './master-keys.ts'

export interface DataKeysOptions {
  /** How long an opened data key stays in memory. */
  readonly dataKeyCacheMs: number
  readonly dataKeyCacheItems: number
}

const LOCKED_RETRY_MS = 60_000

/** The data keys of one device, all generations of them. */
export interface DeviceKeys {
  /** Seals what is written. */
  readonly newest: DataKey
  find(generation: number): DataKey | undefined
}

/** Opens key boxes, and remembers for a while what was in them. */
export class DataKeys {
  readonly #masterKeys: MasterKeys
  readonly #opened: LRUCache<string, DataKey>

  constructor(masterKeys: MasterKeys, { dataKeyCacheMs, dataKeyCacheItems }: DataKeysOptions) {
    this.#masterKeys = masterKeys
    this.#opened = new LRUCache({ max: dataKeyCacheItems, ttl: dataKeyCacheMs, ttlAutopurge: true })
  }

  /**
   * @param boxes - of one device, the newest last
   * @throws HostedDeviceGoneError without a box
   * @throws RefusalError HOSTED_LOCKED when one needs a master key that this node does not have
   * @throws CryptoError when one is damaged
   */
  open(boxes: readonly Uint8Array[]): DeviceKeys {
    const keys = boxes.map((box) => this.#open(box))
    const newest = keys.at(-1)
    if (newest === undefined) throw new HostedDeviceGoneError('The device has no store')
    return { newest, find: (generation) => keys.find((key) => key.generation === generation) }
  }

  #open(box: Uint8Array): DataKey {
    // A box never changes, and no two are the same.
    const name = hex(box)
    const known = this.#opened.get(name)
    if (known !== undefined) return known
    const dataKey = this.#unlock(decodeKeyBox(box))
    this.#opened.set(name, dataKey)
    return dataKey
  }

  #unlock(keyBox: KeyBox): DataKey {
    const masterKey = this.#masterKeys.find(keyBox.masterKeyId)
    if (masterKey === undefined) {
      const message = `The keys of this device need the master key ${hex(keyBox.masterKeyId)}, which the server lacks`
      throw new RefusalError('HOSTED_LOCKED', message, { retryAfterMs: LOCKED_RETRY_MS })
    }
    return openDataKey(keyBox, masterKey)
  }
}

/** @throws HostedDeviceGoneError when the keys are of another installation */
export function requireInstallation({ newest }: DeviceKeys, { address, registrationId }: HostedDevice): void {
  const same =
    newest.registrationId === registrationId &&
    newest.address.user === address.user &&
    newest.address.device === address.device
  if (!same) throw new HostedDeviceGoneError('The device was registered again')
}

/** The same address, in the server's words. */
export function addressOf({ address }: HostedDevice): Address {
  return address as Address
}
