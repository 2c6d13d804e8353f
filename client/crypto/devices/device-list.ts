import { equal, ZERO_32 } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { certHash, decodeDeviceCert } from '../wire/device-cert.ts'
import type { DeviceCert } from '../wire/device-cert.ts'
import { listBody } from '../wire/device-list.ts'
import type { DeviceList, ListBody, ListedDevice } from '../wire/device-list.ts'
import { verifyCert } from './certificate.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const LABEL = 'devlist'

/** How long a server can hide a newer list. */
export const LIST_LIFETIME_MS = 30 * DAY_MS
const REFRESH_AFTER_MS = 7 * DAY_MS

/** The device that holds the account key. It stays usable when the list has expired. */
const PRIMARY = 1

/** Where a chain of lists stands: its newest. */
export interface ListTip {
  readonly epoch: number
  readonly hash: Uint8Array
}

/** The list after `previous`, or the first, for 30 days from now. @param devices - in any order */
export async function signNextList(
  primitives: Primitives,
  account: KeyPair,
  user: number,
  previous: ListTip | undefined,
  devices: readonly ListedDevice[],
  nowMs: number,
): Promise<DeviceList> {
  const body: ListBody = {
    user,
    accountKey: account.publicKey,
    epoch: (previous?.epoch ?? 0) + 1,
    createdMs: nowMs,
    expiresMs: nowMs + LIST_LIFETIME_MS,
    previousHash: previous?.hash ?? ZERO_32,
    devices: devices.toSorted((a, b) => a.device - b.device),
  }
  return { ...body, signature: await primitives.sign(LABEL, listBody(body), account) }
}

/** By the account key that it names itself. @throws {CryptoError} BAD_SIGNATURE */
export async function verifyList(primitives: Primitives, list: DeviceList): Promise<void> {
  const good = await primitives.verify(LABEL, listBody(list), list.signature, list.accountKey)
  if (!good) throw new CryptoError('BAD_SIGNATURE', 'The account did not sign the device list')
}

/** The entry of a certificate, given as bytes. */
export function listedDevice(certBytes: Uint8Array): ListedDevice {
  const { address, registrationId } = decodeDeviceCert(certBytes)
  return { device: address.device, registrationId, certHash: certHash(certBytes) }
}

/** The primary signs a new list after 7 days. */
export function isRefreshDue(list: DeviceList, nowMs: number): boolean {
  return nowMs - list.createdMs >= REFRESH_AFTER_MS
}

export function isExpired(list: DeviceList, nowMs: number): boolean {
  return nowMs > list.expiresMs
}

/** The devices to encrypt to and to read from: of an expired list the primary alone, since the others may be gone. */
export function usableDevices(list: DeviceList, nowMs: number): readonly ListedDevice[] {
  return isExpired(list, nowMs) ? list.devices.filter(({ device }) => device === PRIMARY) : list.devices
}

/** @throws {CryptoError} STALE_DEVICE_LIST when it is not among {@link usableDevices}: a newer list is needed */
export function requireUsable(list: DeviceList, device: number, nowMs: number): ListedDevice {
  const entry = usableDevices(list, nowMs).find((one) => one.device === device)
  if (entry === undefined) throw new CryptoError('STALE_DEVICE_LIST', `The list does not vouch for device ${device}`)
  return entry
}

/**
 * A certificate as an accepted list vouches for it: its hash, number, registration, account key and both signatures.
 *
 * @throws {CryptoError} MALFORMED, UNKNOWN_VERSION, BAD_SIGNATURE; IDENTITY_CHANGED under another account key;
 *   STALE_DEVICE_LIST when the list lacks the device or has it with another registration
 */
export async function checkCert(primitives: Primitives, list: DeviceList, certBytes: Uint8Array): Promise<DeviceCert> {
  const cert = decodeDeviceCert(certBytes)
  if (cert.address.user !== list.user) malformed('The certificate is of another user')
  await verifyCert(primitives, cert)
  if (!equal(cert.identity.accountKey, list.accountKey))
    throw new CryptoError('IDENTITY_CHANGED', 'The certificate is under another account key than the list')
  const entry = list.devices.find(({ device }) => device === cert.address.device)
  if (entry === undefined || entry.registrationId !== cert.registrationId)
    throw new CryptoError('STALE_DEVICE_LIST', 'The list has no such device')
  if (!equal(entry.certHash, certHash(certBytes)))
    throw new CryptoError('BAD_SIGNATURE', 'The list vouches for another certificate of the device')
  return cert
}
