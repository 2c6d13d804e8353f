import type { WireAddress } from '../../../proto/frames.ts'
import { CryptoError } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import type { DeviceCert } from '../wire/device-cert.ts'
import { VERSION } from '../wire/head.ts'
import { kemPreKeyBody, signedPreKeyBody } from '../wire/pre-keys.ts'
import type { KemKind, KemPreKey, SignedPreKey } from '../wire/pre-keys.ts'

const SIGNED_LABEL = 'spk'
const KEM_LABEL = 'pqk'

/** The newest signed pre-key that was seen from a device: a server must offer no older one. */
export interface SeenPreKey {
  readonly createdMs: number
  readonly suite: number
}

/** @param key - its `createdMs` is never below that of an earlier one of this device */
export async function signPreKey(
  primitives: Primitives,
  address: WireAddress,
  signing: KeyPair,
  key: Omit<SignedPreKey, 'suite' | 'signature'>,
): Promise<SignedPreKey> {
  const unsigned = { ...key, suite: VERSION }
  return { ...unsigned, signature: await primitives.sign(SIGNED_LABEL, signedPreKeyBody(address, unsigned), signing) }
}

export async function signKemPreKey(
  primitives: Primitives,
  address: WireAddress,
  signing: KeyPair,
  kind: KemKind,
  key: Omit<KemPreKey, 'signature'>,
): Promise<KemPreKey> {
  return { ...key, signature: await primitives.sign(KEM_LABEL, kemPreKeyBody(address, kind, key), signing) }
}

/**
 * @param cert - of the device; has been checked
 * @param seen - left out at the first contact
 * @throws {CryptoError} BAD_SIGNATURE; NOT_PERMITTED for one that is older, or of a lower suite, than one seen before
 */
export async function verifyPreKey(
  primitives: Primitives,
  cert: DeviceCert,
  key: SignedPreKey,
  seen?: SeenPreKey,
): Promise<void> {
  const body = signedPreKeyBody(cert.address, key)
  if (!(await primitives.verify(SIGNED_LABEL, body, key.signature, cert.identity.signingKey)))
    throw new CryptoError('BAD_SIGNATURE', 'The device did not sign the pre-key')
  if (seen === undefined) return
  if (key.suite < seen.suite) throw new CryptoError('NOT_PERMITTED', 'A pre-key of a lower suite than before')
  if (key.createdMs < seen.createdMs) throw new CryptoError('NOT_PERMITTED', 'An older pre-key than one seen before')
}

/** @throws {CryptoError} BAD_SIGNATURE, also for a key of the other kind */
export async function verifyKemPreKey(
  primitives: Primitives,
  cert: DeviceCert,
  kind: KemKind,
  key: KemPreKey,
): Promise<void> {
  const body = kemPreKeyBody(cert.address, kind, key)
  if (!(await primitives.verify(KEM_LABEL, body, key.signature, cert.identity.signingKey)))
    throw new CryptoError('BAD_SIGNATURE', 'The device did not sign the KEM pre-key')
}
