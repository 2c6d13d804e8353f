import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, concat, KEY_BYTES, label } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { hkdf } from '../primitives/hash.ts'
import { randomBytes } from '../primitives/random.ts'
import { BOX_BYTES, NONCE_BYTES, openBox, sealBox } from '../primitives/secretbox.ts'
import { ADDRESS_BYTES, encodeAddress, readAddress } from '../wire/address.ts'
import { readHead, VERSION } from '../wire/head.ts'
import { readRegistrationId } from '../wire/registration-id.ts'
import { MASTER_KEY_ID_BYTES, masterKeyId } from './master-key.ts'

const TYPE = 0x70
const HEADER_BYTES = 2 + ADDRESS_BYTES + 4 + 4 + MASTER_KEY_ID_BYTES + KEY_BYTES
export const KEY_BOX_BYTES = HEADER_BYTES + NONCE_BYTES + KEY_BYTES + BOX_BYTES

/** One installation of a device whose keys the server holds. */
export interface HostedDevice {
  readonly address: WireAddress
  readonly registrationId: number
}

/** The key that all records of one generation of a hosted device are sealed with. "DEK" */
export interface DataKey extends HostedDevice {
  /** 1, 2, …: one higher with each change of the key. */
  readonly generation: number
  readonly key: Uint8Array
}

/** A data key as it lies in the database: sealed under a master key of the operator. */
export interface KeyBox extends HostedDevice {
  readonly generation: number
  readonly masterKeyId: Uint8Array
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly box: Uint8Array
}

/** A new random key for the next generation of the device's records. */
export function createDataKey({ address, registrationId }: HostedDevice, generation: number): DataKey {
  return { address, registrationId, generation, key: randomBytes(KEY_BYTES) }
}

/** @returns the bytes of a key box, which only this master key opens */
export function sealDataKey(dataKey: DataKey, masterKey: Uint8Array): Uint8Array {
  const header = encodeHeader({ ...dataKey, masterKeyId: masterKeyId(masterKey), salt: randomBytes(KEY_BYTES) })
  const nonce = randomBytes(NONCE_BYTES)
  return concat(header, nonce, sealBox(dataKey.key, nonce, keyFor(header, masterKey)))
}

/** @throws {CryptoError} CORRUPT_STATE: another master key than it names, or damaged */
export function openDataKey(keyBox: KeyBox, masterKey: Uint8Array): DataKey {
  const { address, registrationId, generation, nonce, box } = keyBox
  const key = openBox(box, nonce, keyFor(encodeHeader(keyBox), masterKey))
  if (key === undefined) throw new CryptoError('CORRUPT_STATE', 'A key box does not open')
  return { address, registrationId, generation, key }
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeKeyBox(bytes: Uint8Array): KeyBox {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const keyBox: KeyBox = {
    address: readAddress(reader),
    registrationId: readRegistrationId(reader),
    generation: readGeneration(reader),
    masterKeyId: reader.take(MASTER_KEY_ID_BYTES),
    salt: reader.take(KEY_BYTES),
    nonce: reader.take(NONCE_BYTES),
    box: reader.take(KEY_BYTES + BOX_BYTES),
  }
  reader.end()
  return keyBox
}

export function encodeKeyBox(keyBox: KeyBox): Uint8Array {
  return concat(encodeHeader(keyBox), keyBox.nonce, keyBox.box)
}

/** Counted from 1. */
export function readGeneration(reader: ByteReader): number {
  const generation = reader.u32()
  if (generation === 0) malformed('Generations are counted from 1')
  return generation
}

function encodeHeader(of: Omit<KeyBox, 'nonce' | 'box'>): Uint8Array {
  return new ByteWriter(HEADER_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .put(encodeAddress(of.address))
    .u32(of.registrationId)
    .u32(of.generation)
    .put(of.masterKeyId)
    .put(of.salt)
    .finish()
}

/** "KEK": another one for each box. */
function keyFor(header: Uint8Array, masterKey: Uint8Array): Uint8Array {
  const salt = header.subarray(HEADER_BYTES - KEY_BYTES)
  return hkdf(masterKey, salt, concat(label('hosted-kek'), header), KEY_BYTES)
}
