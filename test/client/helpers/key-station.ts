import { decodeDeviceCert } from '../../../client/crypto/wire/device-cert.ts'
import { decodeDeviceList } from '../../../client/crypto/wire/device-list.ts'
import { RefusedError } from '../../../client/errors.ts'
import type { KeyServer, NewKeys, TakenKeys } from '../../../client/secrecy/key-server.ts'
import type { WireAddress } from '../../../proto/frames.ts'

/** What is kept of one device: its one-time keys go to one asker each. */
interface DeviceKeys {
  signedPreKey?: Uint8Array
  lastResort?: Uint8Array
  readonly oneTimePreKeys: Uint8Array[]
  readonly kemPreKeys: Uint8Array[]
}

export type KeyRequest = 'lists' | 'take' | 'put' | 'stock' | 'putList'

/**
 * The server's part in keys, in the hands of a test: it gives out whatever was put there and verifies nothing, as a
 * hostile one would.
 */
export class KeyStation {
  /** The lists of each user, from epoch 1 on. */
  readonly lists = new Map<number, Uint8Array[]>()
  readonly certificates = new Map<number, readonly Uint8Array[]>()
  readonly #keys = new Map<string, DeviceKeys>()
  /** What was asked for, by whom and about whom. */
  readonly requests: { readonly request: KeyRequest; readonly by: number; readonly about: number }[] = []
  /** May throw, or make the answer wait. */
  before: (request: KeyRequest, about: number) => void | Promise<void> = () => {}

  /** As one device sees it. */
  as({ user, device }: WireAddress): KeyServer {
    const ask = async (request: KeyRequest, about: number): Promise<void> => {
      this.requests.push({ request, by: user, about })
      await this.before(request, about)
    }
    return {
      lists: async (about, since) => {
        await ask('lists', about)
        const lists = this.lists.get(about)
        if (lists === undefined) throw new RefusedError('UNKNOWN_USER', 'Nobody', false)
        const first = since === 0 ? lists.length - 1 : Math.min(since, lists.length - 1)
        return { lists: lists.slice(first), certificates: this.certificates.get(about) ?? [] }
      },
      take: async (about, devices) => {
        await ask('take', about)
        const taken = devices.flatMap((one) => this.take({ user: about, device: one }) ?? [])
        if (taken.length === 0) throw new RefusedError('NO_KEYS', 'No keys', false)
        return taken
      },
      put: async (keys) => {
        await ask('put', user)
        this.put({ user, device }, keys)
      },
      stock: async () => {
        await ask('stock', user)
        const { oneTimePreKeys, kemPreKeys } = this.keysOf({ user, device })
        return { oneTimePreKeys: oneTimePreKeys.length, kemPreKeys: kemPreKeys.length }
      },
      putList: async (list, certificates) => {
        await ask('putList', user)
        this.putList(list, certificates)
      },
    }
  }

  keysOf({ user, device }: WireAddress): DeviceKeys {
    const key = `${user}.${device}`
    const keys = this.#keys.get(key) ?? { oneTimePreKeys: [], kemPreKeys: [] }
    this.#keys.set(key, keys)
    return keys
  }

  put(address: WireAddress, { signedPreKey, lastResort, oneTimePreKeys, kemPreKeys }: NewKeys): void {
    const keys = this.keysOf(address)
    if (signedPreKey !== undefined) keys.signedPreKey = signedPreKey
    if (lastResort !== undefined) keys.lastResort = lastResort
    keys.oneTimePreKeys.push(...oneTimePreKeys)
    keys.kemPreKeys.push(...kemPreKeys)
  }

  /** As the registration of a new device does it. */
  clear({ user, device }: WireAddress): void {
    this.#keys.delete(`${user}.${device}`)
  }

  putList(bytes: Uint8Array, certificates: readonly Uint8Array[]): void {
    const { user, epoch, devices } = decodeDeviceList(bytes)
    const known = [...certificates, ...(this.certificates.get(user) ?? [])]
    const lists = (this.lists.get(user) ?? []).slice(0, epoch - 1)
    this.lists.set(user, [...lists, bytes])
    const named = devices.flatMap(({ device, registrationId }) => {
      const isIt = (bytes: Uint8Array): boolean => {
        const cert = decodeDeviceCert(bytes)
        return cert.address.device === device && cert.registrationId === registrationId
      }
      return known.find(isIt) ?? []
    })
    this.certificates.set(user, named)
  }

  /** One key of each sort; undefined: the device has put none. */
  take(address: WireAddress): TakenKeys | undefined {
    const { signedPreKey, lastResort, oneTimePreKeys, kemPreKeys } = this.keysOf(address)
    const certificate = this.certificates
      .get(address.user)
      ?.find((bytes) => decodeDeviceCert(bytes).address.device === address.device)
    if (signedPreKey === undefined || lastResort === undefined || certificate === undefined) return undefined
    const kem = kemPreKeys.shift()
    return {
      device: address.device,
      certificate,
      signedPreKey,
      oneTimePreKey: oneTimePreKeys.shift(),
      kemPreKey: kem ?? lastResort,
      kemOneTime: kem !== undefined,
    }
  }

  /** How often something was asked. */
  count(request: KeyRequest, about: number): number {
    return this.requests.filter((one) => one.request === request && one.about === about).length
  }
}
