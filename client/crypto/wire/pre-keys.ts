import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, KEY_BYTES, typed } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { KEM_PUBLIC_BYTES } from '../primitives/kem.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { ADDRESS_BYTES, encodeAddress } from './address.ts'

const ID_BYTES = 4
const TYPE_BYTES = 1
const SIGNED_BYTES = ID_BYTES + KEY_BYTES + 8 + 1 + SIGNATURE_BYTES
const ONE_TIME_BYTES = ID_BYTES + KEY_BYTES
const KEM_BYTES = ID_BYTES + KEM_PUBLIC_BYTES + 8 + SIGNATURE_BYTES

/** What a KEM pre-key is good for. Signed, so that neither passes for the other; both look alike otherwise. */
export const KemKind = { ONE_TIME: 1, LAST_RESORT: 2 } as const

export type KemKind = (typeof KemKind)[keyof typeof KemKind]

/** id ‖ X25519 ‖ createdMs ‖ suite ‖ signature: 109 bytes. */
export interface SignedPreKey {
  readonly id: number
  readonly publicKey: Uint8Array
  readonly createdMs: number
  /** The highest that the device speaks. */
  readonly suite: number
  readonly signature: Uint8Array
}

/** id ‖ X25519: 36 bytes. */
export interface OneTimePreKey {
  readonly id: number
  readonly publicKey: Uint8Array
}

/** id ‖ ML-KEM-768 ‖ createdMs ‖ signature: 1,260 bytes. */
export interface KemPreKey {
  readonly id: number
  readonly publicKey: Uint8Array
  readonly createdMs: number
  readonly signature: Uint8Array
}

/** What the device signs: address ‖ id ‖ 05 key ‖ createdMs ‖ suite. */
export function signedPreKeyBody(address: WireAddress, key: Omit<SignedPreKey, 'signature'>): Uint8Array {
  return new ByteWriter(ADDRESS_BYTES + ID_BYTES + TYPE_BYTES + KEY_BYTES + 8 + 1)
    .put(encodeAddress(address))
    .u32(key.id)
    .put(typed(0x05, key.publicKey))
    .u64(key.createdMs)
    .u8(key.suite)
    .finish()
}

/** What the device signs: address ‖ kind ‖ id ‖ 09 key ‖ createdMs. */
export function kemPreKeyBody(address: WireAddress, kind: KemKind, key: Omit<KemPreKey, 'signature'>): Uint8Array {
  return new ByteWriter(ADDRESS_BYTES + 1 + ID_BYTES + TYPE_BYTES + KEM_PUBLIC_BYTES + 8)
    .put(encodeAddress(address))
    .u8(kind)
    .u32(key.id)
    .put(typed(0x09, key.publicKey))
    .u64(key.createdMs)
    .finish()
}

export function encodeSignedPreKey(key: SignedPreKey): Uint8Array {
  return new ByteWriter(SIGNED_BYTES)
    .u32(key.id)
    .put(key.publicKey)
    .u64(key.createdMs)
    .u8(key.suite)
    .put(key.signature)
    .finish()
}

/** Its signature is not judged here. @throws {CryptoError} MALFORMED */
export function decodeSignedPreKey(bytes: Uint8Array): SignedPreKey {
  const reader = new ByteReader(bytes)
  const id = readId(reader)
  const publicKey = reader.take(KEY_BYTES)
  const createdMs = reader.u64()
  const suite = reader.u8()
  if (suite === 0) malformed('Suites are counted from 1')
  const signature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { id, publicKey, createdMs, suite, signature }
}

export function encodeOneTimePreKey(key: OneTimePreKey): Uint8Array {
  return new ByteWriter(ONE_TIME_BYTES).u32(key.id).put(key.publicKey).finish()
}

/** @throws {CryptoError} MALFORMED */
export function decodeOneTimePreKey(bytes: Uint8Array): OneTimePreKey {
  const reader = new ByteReader(bytes)
  const id = readId(reader)
  const publicKey = reader.take(KEY_BYTES)
  reader.end()
  return { id, publicKey }
}

export function encodeKemPreKey(key: KemPreKey): Uint8Array {
  return new ByteWriter(KEM_BYTES).u32(key.id).put(key.publicKey).u64(key.createdMs).put(key.signature).finish()
}

/** Its signature is not judged here. @throws {CryptoError} MALFORMED */
export function decodeKemPreKey(bytes: Uint8Array): KemPreKey {
  const reader = new ByteReader(bytes)
  const id = readId(reader)
  const publicKey = reader.take(KEM_PUBLIC_BYTES)
  const createdMs = reader.u64()
  const signature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { id, publicKey, createdMs, signature }
}

function readId(reader: ByteReader): number {
  const id = reader.u32()
  if (id === 0) malformed('Pre-keys are counted from 1')
  return id
}
