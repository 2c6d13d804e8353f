import { ByteWriter, label } from '../bytes.ts'
import { sha256 } from '../primitives/hash.ts'
import { GROUP_ID_BYTES } from '../wire/group-id.ts'

/** The id of a group, from its beginning: nobody can put another one under it. */
export function groupIdOf(creatorKey: Uint8Array, infoHash: Uint8Array): Uint8Array {
  return sha256(label('groupid'), creatorKey, infoHash).slice(0, GROUP_ID_BYTES)
}

/** The id under which the status posts of a user travel. */
export function statusIdOf(user: number): Uint8Array {
  return sha256(label('status'), new ByteWriter(8).u64(user).finish()).slice(0, GROUP_ID_BYTES)
}

/**
 * What a group's state says of its title, description and photo: nothing, but it holds to them.
 *
 * @param info - as members send it to each other; begins with, or has in it, 32 random bytes, or it could be guessed
 */
export function groupInfoHash(info: Uint8Array): Uint8Array {
  return sha256(label('groupinfo'), info)
}
