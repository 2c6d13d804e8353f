import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, concat, equal, isZero, KEY_BYTES, ZERO_32 } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { sha256 } from '../primitives/hash.ts'
import { ADDRESS_BYTES, encodeAddress, readAddress } from './address.ts'
import { GROUP_ID_BYTES } from './group-id.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0xa2
const CHECKSUM_BYTES = 8
const FIXED_BYTES = 2 + GROUP_ID_BYTES + ADDRESS_BYTES + 4 + 4 + KEY_BYTES + 8 + 2 * KEY_BYTES + 4 + KEY_BYTES + 2
const SKIPPED_BYTES = 4 + KEY_BYTES + 8

export const MAX_SKIPPED_GROUP_KEYS = 1_000

/** The key of a message that has not come yet, though later ones have. */
export interface SkippedKey {
  readonly iteration: number
  readonly messageKey: Uint8Array
  readonly storedMs: number
}

/**
 * A chain of one device in one group, its own or another's, as it is kept: 01 A2 ‖ groupId ‖ address ‖ chainId ‖ groupEpoch
 * ‖ state hash ‖ createdMs ‖ signing key ‖ its seed ‖ iteration ‖ chain key ‖ n ‖ n × (iteration ‖ message key ‖ ms) ‖
 * checksum, 188 + 44 n bytes.
 */
export interface SenderKeyState {
  readonly groupId: Uint8Array
  readonly sender: WireAddress
  readonly chainId: number
  /** Of this device's chain, that of its last message; else that of the distribution it came by. */
  readonly groupEpoch: number
  readonly groupStateHash: Uint8Array
  readonly createdMs: number
  readonly signingKey: Uint8Array
  /** Of this device's chain only. */
  readonly signingSeed: Uint8Array | undefined
  /** Of the next message. */
  readonly iteration: number
  readonly chainKey: Uint8Array
  /** At most 1,000, by ascending iteration. */
  readonly skipped: readonly SkippedKey[]
}

export function encodeSenderKeyState(state: SenderKeyState): Uint8Array {
  const writer = new ByteWriter(FIXED_BYTES + state.skipped.length * SKIPPED_BYTES)
  writer.u8(VERSION).u8(TYPE).put(state.groupId).put(encodeAddress(state.sender))
  writer.u32(state.chainId).u32(state.groupEpoch).put(state.groupStateHash).u64(state.createdMs)
  writer.put(state.signingKey).put(state.signingSeed ?? ZERO_32)
  writer.u32(state.iteration).put(state.chainKey).u16(state.skipped.length)
  for (const { iteration, messageKey, storedMs } of state.skipped) writer.u32(iteration).put(messageKey).u64(storedMs)
  const body = writer.finish()
  return concat(body, checksum(body))
}

/** @throws {CryptoError} CORRUPT_STATE, UNKNOWN_VERSION for a record of a later version */
export function decodeSenderKeyState(bytes: Uint8Array): SenderKeyState {
  const body = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES))
  if (!equal(bytes.subarray(body.length), checksum(body))) {
    throw new CryptoError('CORRUPT_STATE', 'A stored chain is damaged')
  }
  try {
    return readState(new ByteReader(body))
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'UNKNOWN_VERSION') throw error
    throw new CryptoError('CORRUPT_STATE', 'A stored chain is none', { cause: error })
  }
}

function readState(reader: ByteReader): SenderKeyState {
  readHead(reader, TYPE)
  const groupId = reader.take(GROUP_ID_BYTES)
  const sender = readAddress(reader)
  const chainId = reader.u32()
  const groupEpoch = reader.u32()
  const groupStateHash = reader.take(KEY_BYTES)
  const createdMs = reader.u64()
  const signingKey = reader.take(KEY_BYTES)
  const seed = reader.take(KEY_BYTES)
  const signingSeed = isZero(seed) ? undefined : seed
  const iteration = reader.u32()
  const chainKey = reader.take(KEY_BYTES)
  const skipped = readSkipped(reader, iteration)
  reader.end()
  return {
    groupId,
    sender,
    chainId,
    groupEpoch,
    groupStateHash,
    createdMs,
    signingKey,
    signingSeed,
    iteration,
    chainKey,
    skipped,
  }
}

function readSkipped(reader: ByteReader, next: number): SkippedKey[] {
  const count = reader.u16()
  if (count > MAX_SKIPPED_GROUP_KEYS) malformed('Too many skipped keys')
  const skipped: SkippedKey[] = []
  let last = -1
  for (let i = 0; i < count; i++) {
    const iteration = reader.u32()
    if (iteration <= last || iteration >= next) malformed('Skipped keys out of order')
    skipped.push({ iteration, messageKey: reader.take(KEY_BYTES), storedMs: reader.u64() })
    last = iteration
  }
  return skipped
}

function checksum(body: Uint8Array): Uint8Array {
  return sha256(body).subarray(0, CHECKSUM_BYTES)
}
