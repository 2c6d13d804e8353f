import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { readHead, VERSION } from './head.ts'
import { LINKING_REQUEST } from './linking-box.ts'
import { readRegistrationId } from './registration-id.ts'

const HEAD_BYTES = 2 + 2 * KEY_BYTES + 4 + SIGNATURE_BYTES + 1
const MAX_NAME_BYTES = 255

/**
 * What the new device asks the primary to sign: 01 52 ‖ DIKs ‖ DIKd ‖ registrationId ‖ signature ‖ nameLen u8 ‖ name, 135
 * bytes and the name.
 */
export interface LinkingRequest {
  readonly signingKey: Uint8Array
  readonly agreementKey: Uint8Array
  readonly registrationId: number
  /** By the signing key, over the body of the certificate that both sides compose. */
  readonly deviceSignature: Uint8Array
  /** For people; at most 255 bytes of UTF-8. */
  readonly name: string
}

/** @throws {CryptoError} MALFORMED when the name is too long */
export function encodeLinkingRequest(request: LinkingRequest): Uint8Array {
  const name = new TextEncoder().encode(request.name)
  if (name.length > MAX_NAME_BYTES) malformed(`A name of ${name.length} bytes`)
  return new ByteWriter(HEAD_BYTES + name.length)
    .u8(VERSION)
    .u8(LINKING_REQUEST)
    .put(request.signingKey)
    .put(request.agreementKey)
    .u32(request.registrationId)
    .put(request.deviceSignature)
    .u8(name.length)
    .put(name)
    .finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeLinkingRequest(bytes: Uint8Array): LinkingRequest {
  const reader = new ByteReader(bytes)
  readHead(reader, LINKING_REQUEST)
  const signingKey = reader.take(KEY_BYTES)
  const agreementKey = reader.take(KEY_BYTES)
  const registrationId = readRegistrationId(reader)
  const deviceSignature = reader.take(SIGNATURE_BYTES)
  const name = decodeName(reader.take(reader.u8()))
  reader.end()
  return { signingKey, agreementKey, registrationId, deviceSignature, name }
}

function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return malformed('A name that is not UTF-8')
  }
}
