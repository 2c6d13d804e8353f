import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { GROUP_ID_BYTES, readGroupEpoch } from './group-id.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0x59

const LINK_SECRET_BYTES = 16

/**
 * What stands behind the `#` of a link to a group, so that the server never sees it: 01 59 ‖ groupId ‖ epoch ‖ state hash
 * ‖ secret, 70 bytes.
 */
export interface GroupLink {
  readonly groupId: Uint8Array
  /** The state from which the joiner follows the group. */
  readonly epoch: number
  readonly stateHash: Uint8Array
  /** Known to the admins; a new one revokes the link. */
  readonly secret: Uint8Array
}

export function encodeGroupLink({ groupId, epoch, stateHash, secret }: GroupLink): Uint8Array {
  return new ByteWriter(2 + GROUP_ID_BYTES + 4 + KEY_BYTES + LINK_SECRET_BYTES)
    .u8(VERSION)
    .u8(TYPE)
    .put(groupId)
    .u32(epoch)
    .put(stateHash)
    .put(secret)
    .finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeGroupLink(bytes: Uint8Array): GroupLink {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const groupId = reader.take(GROUP_ID_BYTES)
  const epoch = readGroupEpoch(reader)
  const stateHash = reader.take(KEY_BYTES)
  const secret = reader.take(LINK_SECRET_BYTES)
  reader.end()
  return { groupId, epoch, stateHash, secret }
}
