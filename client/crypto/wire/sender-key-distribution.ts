import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { readHead, VERSION } from './head.ts'
import { GROUP_ID_BYTES } from './group-id.ts'
import { readIteration } from './iteration.ts'

const TYPE = 0x05
const DISTRIBUTION_BYTES = 2 + GROUP_ID_BYTES + 4 + KEY_BYTES + 4 + 4 + KEY_BYTES + KEY_BYTES

/**
 * Lets one device read a chain from here on; travels only inside pairwise messages. 01 05 ‖ groupId ‖ groupEpoch ‖ state
 * hash ‖ chainId ‖ iteration ‖ chain key ‖ signing key, 126 bytes. "SKDM"
 */
export interface SenderKeyDistribution {
  readonly groupId: Uint8Array
  /** Of the group state that the sender goes by; of a status chain, the version of its audience. */
  readonly groupEpoch: number
  /** Of that state; zeros for a status chain. */
  readonly groupStateHash: Uint8Array
  readonly chainId: number
  /** Of the first message that it opens. */
  readonly iteration: number
  readonly chainKey: Uint8Array
  /** Ed25519, made for this chain alone. */
  readonly signingKey: Uint8Array
}

export function encodeSenderKeyDistribution(distribution: SenderKeyDistribution): Uint8Array {
  return new ByteWriter(DISTRIBUTION_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .put(distribution.groupId)
    .u32(distribution.groupEpoch)
    .put(distribution.groupStateHash)
    .u32(distribution.chainId)
    .u32(distribution.iteration)
    .put(distribution.chainKey)
    .put(distribution.signingKey)
    .finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeSenderKeyDistribution(bytes: Uint8Array): SenderKeyDistribution {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const groupId = reader.take(GROUP_ID_BYTES)
  const groupEpoch = reader.u32()
  const groupStateHash = reader.take(KEY_BYTES)
  const chainId = reader.u32()
  const iteration = readIteration(reader)
  const chainKey = reader.take(KEY_BYTES)
  const signingKey = reader.take(KEY_BYTES)
  reader.end()
  return { groupId, groupEpoch, groupStateHash, chainId, iteration, chainKey, signingKey }
}
