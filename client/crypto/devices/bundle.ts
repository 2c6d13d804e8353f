import type { WireAddress } from '../../../proto/frames.ts'
import { equal } from '../bytes.ts'
import { malformed } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { certHash } from '../wire/device-cert.ts'
import type { DeviceCert } from '../wire/device-cert.ts'
import type { DeviceList } from '../wire/device-list.ts'
import type { Identity } from '../wire/identity.ts'
import type { KemKind, KemPreKey, OneTimePreKey, SignedPreKey } from '../wire/pre-keys.ts'
import { checkCert, requireUsable } from './device-list.ts'
import { verifyKemPreKey, verifyPreKey } from './pre-keys.ts'
import type { SeenPreKey } from './pre-keys.ts'

/** What the server gives out of a device's keys, for one handshake. */
export interface PreKeyBundle {
  /** The bytes of its certificate. */
  readonly cert: Uint8Array
  readonly signedPreKey: SignedPreKey
  /** Left out when the device has run out of them. */
  readonly oneTimePreKey?: OneTimePreKey
  readonly kemPreKey: KemPreKey
  readonly kemKind: KemKind
}

/** One that passed every check before the handshake. */
export interface VerifiedBundle extends Omit<PreKeyBundle, 'cert'> {
  readonly cert: DeviceCert
  readonly certHash: Uint8Array
}

/**
 * Judges a bundle before anything is computed with it or stored: device list, certificate, pre-keys.
 *
 * @param own - the identity of this device, which nobody else may show
 * @param asked - the device whose keys were asked for
 * @param list - its user's newest, accepted
 * @param seen - the newest signed pre-key of the device that was seen, if any
 * @throws {CryptoError} STALE_DEVICE_LIST, MALFORMED, UNKNOWN_VERSION, BAD_SIGNATURE, IDENTITY_CHANGED, NOT_PERMITTED
 */
export async function verifyBundle(
  primitives: Primitives,
  own: Identity,
  asked: WireAddress,
  list: DeviceList,
  bundle: PreKeyBundle,
  seen: SeenPreKey | undefined,
  nowMs: number,
): Promise<VerifiedBundle> {
  requireUsable(list, asked.device, nowMs)
  const cert = await checkCert(primitives, list, bundle.cert)
  if (asked.user !== cert.address.user || asked.device !== cert.address.device)
    malformed('The keys of another device than was asked for')
  const { signingKey, agreementKey } = cert.identity
  if (equal(signingKey, own.signingKey) || equal(agreementKey, own.agreementKey))
    malformed('Keys of this device under the name of another')
  await verifyPreKey(primitives, cert, bundle.signedPreKey, seen)
  await verifyKemPreKey(primitives, cert, bundle.kemKind, bundle.kemPreKey)
  return { ...bundle, cert, certHash: certHash(bundle.cert) }
}
