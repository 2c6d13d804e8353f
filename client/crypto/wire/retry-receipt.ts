import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, concat, isZero, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { ADDRESS_BYTES, encodeAddress, readAddress } from './address.ts'
import { readFlags, readHead, VERSION } from './head.ts'

const TYPE = 0x08
const GROUP = 1
const ID_BYTES = 16
const BODY_BYTES = 2 + 1 + ID_BYTES + 2 * ADDRESS_BYTES + KEY_BYTES + 8

/** What the requester's signing key signs: 01 08 ‖ flags ‖ failedId ‖ requester ‖ asked ‖ ratchet key ‖ ms, 83 bytes. */
export interface RetryReceiptBody {
  /** The message that failed was one of a group. */
  readonly group: boolean
  /** The client id of that message: 16 bytes. */
  readonly failedId: Uint8Array
  readonly requester: WireAddress
  /** The device that sent it. */
  readonly asked: WireAddress
  /** The sender's ratchet key in the message that failed; zeros for one of a group. */
  readonly ratchetKey: Uint8Array
  readonly ms: number
}

/** "I could not read this": not encrypted, since there may be no session, but signed. 147 bytes. */
export interface RetryReceipt extends RetryReceiptBody {
  readonly signature: Uint8Array
}

export function retryReceiptBody({ group, failedId, requester, asked, ratchetKey, ms }: RetryReceiptBody): Uint8Array {
  return new ByteWriter(BODY_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .u8(group ? GROUP : 0)
    .put(failedId)
    .put(encodeAddress(requester))
    .put(encodeAddress(asked))
    .put(ratchetKey)
    .u64(ms)
    .finish()
}

export function encodeRetryReceipt(receipt: RetryReceipt): Uint8Array {
  return concat(retryReceiptBody(receipt), receipt.signature)
}

/** Its signature is not judged here. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeRetryReceipt(bytes: Uint8Array): RetryReceipt {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const group = readFlags(reader, GROUP) === GROUP
  const failedId = reader.take(ID_BYTES)
  const requester = readAddress(reader)
  const asked = readAddress(reader)
  const ratchetKey = reader.take(KEY_BYTES)
  if (group && !isZero(ratchetKey)) malformed('A group message has no ratchet key')
  const ms = reader.u64()
  const signature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { group, failedId, requester, asked, ratchetKey, ms, signature }
}
