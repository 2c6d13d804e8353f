import { ByteReader, ByteWriter, concat, KEY_BYTES, label, ZERO_32 } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { hkdf, sha256 } from '../primitives/hash.ts'
import { randomBytes } from '../primitives/random.ts'
import { BOX_BYTES, NONCE_BYTES, openBox, sealBox } from '../primitives/secretbox.ts'
import { ADDRESS_BYTES, encodeAddress } from '../wire/address.ts'
import { readHead, VERSION } from '../wire/head.ts'
import type { DataKey } from './key-box.ts'
import { readGeneration } from './key-box.ts'

const TYPE = 0x71
export const RECORD_OVERHEAD_BYTES = 2 + 4 + NONCE_BYTES + BOX_BYTES

/** Where a record lies in the store of its device. */
export interface RecordPlace {
  /** A byte. */
  readonly table: number
  readonly key: Uint8Array
}

/** A value of a hosted device's store as it lies in the database. */
export interface HostedRecord {
  /** Of the data key that opens it. */
  readonly generation: number
  readonly nonce: Uint8Array
  readonly box: Uint8Array
}

/** @returns a record's bytes, which open at this place of this installation only */
export function sealRecord(dataKey: DataKey, place: RecordPlace, value: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const box = sealBox(value, nonce, keyFor(dataKey, place))
  return encodeRecord({ generation: dataKey.generation, nonce, box })
}

/** @throws {CryptoError} CORRUPT_STATE: damaged, or of another place, device, installation or generation */
export function openRecord(dataKey: DataKey, place: RecordPlace, record: HostedRecord): Uint8Array {
  const value =
    record.generation === dataKey.generation ? openBox(record.box, record.nonce, keyFor(dataKey, place)) : undefined
  if (value === undefined) throw new CryptoError('CORRUPT_STATE', 'A record does not open')
  return value
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeRecord(bytes: Uint8Array): HostedRecord {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const generation = readGeneration(reader)
  const nonce = reader.take(NONCE_BYTES)
  if (reader.left < BOX_BYTES) malformed('A record is too short')
  return { generation, nonce, box: reader.take(reader.left) }
}

export function encodeRecord({ generation, nonce, box }: HostedRecord): Uint8Array {
  return new ByteWriter(2 + 4 + NONCE_BYTES + box.length)
    .u8(VERSION)
    .u8(TYPE)
    .u32(generation)
    .put(nonce)
    .put(box)
    .finish()
}

function keyFor({ address, registrationId, generation, key }: DataKey, place: RecordPlace): Uint8Array {
  const where = new ByteWriter(ADDRESS_BYTES + 4 + 4 + 1)
    .put(encodeAddress(address))
    .u32(registrationId)
    .u32(generation)
    .u8(place.table)
    .finish()
  return hkdf(key, ZERO_32, concat(label('hosted-rec'), where, sha256(place.key)), KEY_BYTES)
}
