import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, concat } from '../bytes.ts'
import { sha256 } from '../primitives/hash.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { ADDRESS_BYTES, encodeAddress, readAddress } from './address.ts'
import { readFlags, readHead, VERSION } from './head.ts'
import { encodeIdentity, IDENTITY_BYTES, readIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { readRegistrationId } from './registration-id.ts'

const TYPE = 0x21
const HOSTED = 1

const BODY_BYTES = 2 + ADDRESS_BYTES + 1 + 4 + IDENTITY_BYTES + 8
export const DEVICE_CERT_BYTES = BODY_BYTES + 2 * SIGNATURE_BYTES

/** What both keys sign: 01 21 ‖ address ‖ flags ‖ registrationId ‖ identity ‖ createdMs, 123 bytes. */
export interface CertBody {
  readonly address: WireAddress
  /** The operator of a server holds its keys. */
  readonly hosted: boolean
  readonly registrationId: number
  readonly identity: Identity
  readonly createdMs: number
}

/** Says which keys a device has. A device has one in its life. The body ‖ both signatures: 251 bytes. */
export interface DeviceCert extends CertBody {
  /** By the account key. */
  readonly accountSignature: Uint8Array
  /** By the device's signing key. */
  readonly deviceSignature: Uint8Array
}

export function encodeCertBody({ address, hosted, registrationId, identity, createdMs }: CertBody): Uint8Array {
  return new ByteWriter(BODY_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .put(encodeAddress(address))
    .u8(hosted ? HOSTED : 0)
    .u32(registrationId)
    .put(encodeIdentity(identity))
    .u64(createdMs)
    .finish()
}

export function encodeDeviceCert(cert: DeviceCert): Uint8Array {
  return concat(encodeCertBody(cert), cert.accountSignature, cert.deviceSignature)
}

/** Its signatures are not judged here. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeDeviceCert(bytes: Uint8Array): DeviceCert {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const address = readAddress(reader)
  const hosted = readFlags(reader, HOSTED) === HOSTED
  const registrationId = readRegistrationId(reader)
  const identity = readIdentity(reader)
  const createdMs = reader.u64()
  const accountSignature = reader.take(SIGNATURE_BYTES)
  const deviceSignature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { address, hosted, registrationId, identity, createdMs, accountSignature, deviceSignature }
}

/** Names a certificate: of all its bytes, signatures included. "CH" */
export function certHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes)
}
