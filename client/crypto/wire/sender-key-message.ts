import { MAX_PAYLOAD_BYTES } from '../../../proto/limits.ts'
import { ByteReader, ByteWriter, concat } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { GROUP_ID_BYTES } from './group-id.ts'
import { readHead, VERSION } from './head.ts'
import { readIteration } from './iteration.ts'
import { encodeSealed, readSealed } from './sealed.ts'
import type { SealedBody } from './sealed.ts'

const TYPE = 0x07

export const SENDER_KEY_HEAD_BYTES = 2 + GROUP_ID_BYTES + 4 + 4 + 4

/** Where a message stands: 01 07 ‖ groupId ‖ groupEpoch ‖ chainId ‖ iteration, 30 bytes. */
export interface SenderKeyHead {
  readonly groupId: Uint8Array
  /** Of the state that the sender went by. */
  readonly groupEpoch: number
  readonly chainId: number
  /** From 0 on in each chain. */
  readonly iteration: number
}

/**
 * One ciphertext for all members: the head ‖ nonce ‖ length ‖ box ‖ tag ‖ signature, 170 bytes more than the padded
 * content.
 */
export interface SenderKeyMessage extends SenderKeyHead, SealedBody {
  /** By the chain's own key. */
  readonly signature: Uint8Array
}

export function encodeSenderKeyHead({ groupId, groupEpoch, chainId, iteration }: SenderKeyHead): Uint8Array {
  return new ByteWriter(SENDER_KEY_HEAD_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .put(groupId)
    .u32(groupEpoch)
    .u32(chainId)
    .u32(iteration)
    .finish()
}

export function encodeSenderKeyMessage(message: SenderKeyMessage): Uint8Array {
  return concat(encodeSenderKeyHead(message), encodeSealed(message), message.signature)
}

/** Neither tag nor signature is judged here. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeSenderKeyMessage(bytes: Uint8Array): SenderKeyMessage {
  if (bytes.length > MAX_PAYLOAD_BYTES) malformed(`A message of ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const groupId = reader.take(GROUP_ID_BYTES)
  const groupEpoch = reader.u32()
  const chainId = reader.u32()
  const iteration = readIteration(reader)
  const sealed = readSealed(reader)
  const signature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { groupId, groupEpoch, chainId, iteration, ...sealed, signature }
}
