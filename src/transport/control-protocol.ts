import { Reader } from '../../proto/reader.ts'
import { Writer } from '../../proto/writer.ts'
import { parseUserId } from '../shared/ids.ts'
import type { UserId } from '../shared/ids.ts'

const USER_FIELD = 1

const writer = new Writer()
const reader = new Reader()

/**
 * What a node tells all others about an account: its devices have changed. In the protobuf wire format; field numbers
 * stay, so that nodes of two versions understand each other.
 */
export function encodeControl(user: UserId): Uint8Array {
  writer.begin()
  writer.uint(USER_FIELD << 3, user)
  return writer.finish().slice()
}

/** Undefined when it names no user. @throws DecodeError */
export function decodeControl(data: Uint8Array): UserId | undefined {
  reader.open(data)
  let user: UserId | undefined
  while (reader.pos < data.length) {
    const tag = reader.tag()
    if (tag >> 3 === USER_FIELD) user = parseUserId(reader.uint64())
    else reader.skip(tag)
  }
  reader.finish(data.length)
  return user
}
