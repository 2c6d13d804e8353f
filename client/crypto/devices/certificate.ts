import { malformed, CryptoError } from '../errors.ts'
import { isCanonicalU } from '../primitives/guards.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { encodeCertBody } from '../wire/device-cert.ts'
import type { CertBody, DeviceCert } from '../wire/device-cert.ts'

const BY_ACCOUNT = 'devcert-acct'
const BY_DEVICE = 'devcert-dev'

/** The signature of a device's own signing key: it has the keys and wants to belong to the account. */
export async function signAsDevice(primitives: Primitives, body: CertBody, signing: KeyPair): Promise<Uint8Array> {
  return primitives.sign(BY_DEVICE, encodeCertBody(body), signing)
}

/** @throws {CryptoError} BAD_SIGNATURE */
export async function verifyAsDevice(primitives: Primitives, body: CertBody, signature: Uint8Array): Promise<void> {
  const good = await primitives.verify(BY_DEVICE, encodeCertBody(body), signature, body.identity.signingKey)
  if (!good) throw new CryptoError('BAD_SIGNATURE', 'The device did not sign its certificate')
}

/** The whole certificate, of a body that the device has signed: to be called by the primary, after {@link verifyAsDevice}. */
export async function certify(
  primitives: Primitives,
  body: CertBody,
  deviceSignature: Uint8Array,
  account: KeyPair,
): Promise<DeviceCert> {
  const accountSignature = await primitives.sign(BY_ACCOUNT, encodeCertBody(body), account)
  return { ...body, accountSignature, deviceSignature }
}

/**
 * Both signatures, under the keys that it names itself: whether they are the keys of the account is for its device list
 * to say.
 *
 * @throws {CryptoError} BAD_SIGNATURE, or MALFORMED for an agreement key that is not canonical
 */
export async function verifyCert(primitives: Primitives, cert: DeviceCert): Promise<void> {
  if (!isCanonicalU(cert.identity.agreementKey)) malformed('The agreement key of a certificate is not canonical')
  const body = encodeCertBody(cert)
  if (!(await primitives.verify(BY_ACCOUNT, body, cert.accountSignature, cert.identity.accountKey)))
    throw new CryptoError('BAD_SIGNATURE', 'The account did not sign the certificate')
  await verifyAsDevice(primitives, cert, cert.deviceSignature)
}
