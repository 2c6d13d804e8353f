import { checkCert, LIST_LIFETIME_MS, verifyList } from '../../client/crypto/devices/device-list.ts'
import { verifyCert } from '../../client/crypto/devices/certificate.ts'
import { verifyKemPreKey, verifyPreKey } from '../../client/crypto/devices/pre-keys.ts'
import { CryptoError } from '../../client/crypto/errors.ts'
import { nodeProvider } from '../../client/crypto/primitives/node-provider.ts'
import { Primitives } from '../../client/crypto/primitives/primitives.ts'
import { certHash, decodeDeviceCert } from '../../client/crypto/wire/device-cert.ts'
import type { DeviceCert } from '../../client/crypto/wire/device-cert.ts'
import { decodeDeviceList, listHash } from '../../client/crypto/wire/device-list.ts'
import type { DeviceList } from '../../client/crypto/wire/device-list.ts'
import { decodeKemPreKey, decodeOneTimePreKey, decodeSignedPreKey, KemKind } from '../../client/crypto/wire/pre-keys.ts'
import type { Clock } from '../shared/clock.ts'
import { parseDeviceId } from '../shared/ids.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { NewDeviceKeys } from '../storage/accounts.ts'
import type { SignedCert, SignedList } from '../storage/device-lists.ts'
import type { PreKeySupply } from '../storage/pre-keys.ts'
import type { PreKeysField, RegistrationKeysField } from './key-fields.ts'

/** What is signed now may say a time so far off. */
const MAX_SKEW_MS = 60 * 60 * 1_000

/**
 * Checks keys, certificates and device lists before they are stored, by the guards of the clients. It keeps rubbish out;
 * clients check everything again. All errors are refusals: BAD_REQUEST, BAD_SIGNATURE, CLOCK_SKEW.
 */
export class KeyChecks {
  readonly #primitives = new Primitives(nodeProvider)
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The keys of a primary that registers. */
  registrationKeys(user: UserId, hosted: boolean, keys: RegistrationKeysField): Promise<NewDeviceKeys> {
    return refusing(async () => {
      const list = decodeDeviceList(keys.list)
      const address = { user, device: 1 as DeviceId }
      await this.#requireList(user, list)
      const cert = await checkCert(this.#primitives, list, keys.cert)
      requireAddress(cert, address)
      if (list.devices.length > 1) bad('The list of a device that registers names that device alone')
      if (cert.hosted !== hosted) bad('The certificate and "hosted" differ')
      const preKeys = await this.#preKeys(cert, keys)
      return { list: toSignedList(list, keys.list), cert: toSignedCert(cert, keys.cert), preKeys }
    })
  }

  /** A list that the primary gives, with certificates of some of its devices. */
  list(user: UserId, bytes: Uint8Array, certs: readonly Uint8Array[]): Promise<[SignedList, SignedCert[]]> {
    return refusing(async () => {
      const list = decodeDeviceList(bytes)
      await this.#requireList(user, list)
      const checked: SignedCert[] = []
      for (const cert of certs) checked.push(toSignedCert(await checkCert(this.#primitives, list, cert), cert))
      return [toSignedList(list, bytes), checked]
    })
  }

  /** The certificate of a device that claims its place. Whether the list names it is seen where the list is. */
  cert(bytes: Uint8Array): Promise<SignedCert> {
    return refusing(async () => {
      const cert = decodeDeviceCert(bytes)
      await verifyCert(this.#primitives, cert)
      return toSignedCert(cert, bytes)
    })
  }

  /** Whose certificate it says it is, before anything of it is checked. */
  addressOf(bytes: Uint8Array): Address {
    try {
      return toAddress(decodeDeviceCert(bytes))
    } catch (error) {
      throw toRefusal(error)
    }
  }

  /** Pre-keys of the device of a certificate, which was checked when it was stored. */
  preKeys(cert: Uint8Array, keys: PreKeysField): Promise<PreKeySupply> {
    return refusing(() => this.#preKeys(decodeDeviceCert(cert), keys))
  }

  async #preKeys(cert: DeviceCert, keys: PreKeysField): Promise<PreKeySupply> {
    // What is wrong at a glance is not worth the signatures.
    const signed = keys.spk && decodeSignedPreKey(keys.spk)
    const lastResort = keys.pqLast && decodeKemPreKey(keys.pqLast)
    const oneTime = keys.opks.map((preKey) => ({ ...decodeOneTimePreKey(preKey), preKey }))
    const kemOneTime = keys.pqOpks.map((preKey) => ({ ...decodeKemPreKey(preKey), preKey }))
    for (const pool of [oneTime, kemOneTime]) {
      if (new Set(pool.map(({ id }) => id)).size < pool.length) bad('Two pre-keys have the same id')
    }
    for (const key of [signed, lastResort, ...kemOneTime]) if (key !== undefined) this.#requireTime(key.createdMs)
    if (signed !== undefined) await verifyPreKey(this.#primitives, cert, signed)
    if (lastResort !== undefined) await verifyKemPreKey(this.#primitives, cert, KemKind.LAST_RESORT, lastResort)
    for (const key of kemOneTime) await verifyKemPreKey(this.#primitives, cert, KemKind.ONE_TIME, key)
    return { signed: keys.spk, lastResort: keys.pqLast, oneTime, kemOneTime }
  }

  async #requireList(user: UserId, list: DeviceList): Promise<void> {
    if (list.user !== user) bad('The list is of another user')
    if (list.devices[0]?.device !== 1) bad('Device 1 is missing in the list')
    if (list.devices.some(({ device }) => parseDeviceId(device) === undefined)) bad('Devices are counted from 1 to 8')
    if (list.expiresMs <= list.createdMs || list.expiresMs - list.createdMs > LIST_LIFETIME_MS) {
      bad('A list counts for 30 days at most')
    }
    this.#requireTime(list.createdMs)
    await verifyList(this.#primitives, list)
  }

  #requireTime(createdMs: number): void {
    const now = this.#clock.now()
    if (Math.abs(createdMs - now) <= MAX_SKEW_MS) return
    throw new RefusalError('CLOCK_SKEW', 'The clock of the device is more than an hour off', {
      details: { serverTime: new Date(now).toISOString() },
    })
  }
}

function requireAddress(cert: DeviceCert, { user, device }: Address): void {
  if (cert.address.user !== user || cert.address.device !== device) bad('The certificate is of another device')
}

function toAddress({ address }: DeviceCert): Address {
  const device = parseDeviceId(address.device)
  if (device === undefined) bad('Devices are counted from 1 to 8')
  return { user: address.user as UserId, device }
}

function toSignedList(list: DeviceList, bytes: Uint8Array): SignedList {
  const { epoch, accountKey, previousHash, expiresMs } = list
  const devices = list.devices.map((entry) => ({ ...entry, device: entry.device as DeviceId }))
  return { epoch, accountKey, previousHash, hash: listHash(bytes), expiresAt: expiresMs, devices, bytes }
}

function toSignedCert(cert: DeviceCert, bytes: Uint8Array): SignedCert {
  const { registrationId, hosted } = cert
  return { device: toAddress(cert).device, registrationId, hosted, hash: certHash(bytes), bytes }
}

function bad(message: string): never {
  throw new RefusalError('BAD_REQUEST', message)
}

/** What is signed badly is told from what is no such object; the rest is the same to the caller. */
async function refusing<Answer>(check: () => Promise<Answer>): Promise<Answer> {
  try {
    return await check()
  } catch (error) {
    throw toRefusal(error)
  }
}

function toRefusal(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error
  const code = error.code === 'BAD_SIGNATURE' ? 'BAD_SIGNATURE' : 'BAD_REQUEST'
  return new RefusalError(code, error.message, { cause: error })
}
