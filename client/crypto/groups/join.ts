import { ByteWriter, equal, label } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { hmac } from '../primitives/hash.ts'
import { decodeJoinRequest, encodeJoinRequest } from '../wire/join-request.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const LIFETIME_MS = 7 * DAY_MS
/** By how much the joiner's clock may be ahead. */
const MAX_AHEAD_MS = DAY_MS

/** Who asks to be added to which group. */
export interface Joiner {
  readonly groupId: Uint8Array
  readonly user: number
  readonly accountKey: Uint8Array
}

/** What somebody with the secret of a group's link sends through the server: 40 bytes, good for 7 days. */
export function requestJoin(secret: Uint8Array, joiner: Joiner, nowMs: number): Uint8Array {
  return encodeJoinRequest({ ms: nowMs, tag: tagOf(secret, joiner, nowMs) })
}

/**
 * That the one who asks has the link, so that the server cannot make a link into a member.
 *
 * @param secret - of the present link: a request made with a revoked one is refused
 * @throws {CryptoError} MALFORMED; BAD_TAG without the secret; NOT_PERMITTED when it is too old
 */
export function verifyJoin(secret: Uint8Array, joiner: Joiner, bytes: Uint8Array, nowMs: number): void {
  const { ms, tag } = decodeJoinRequest(bytes)
  if (!equal(tag, tagOf(secret, joiner, ms)))
    throw new CryptoError('BAD_TAG', 'A request without the link of the group')
  if (nowMs - ms > LIFETIME_MS || ms - nowMs > MAX_AHEAD_MS) {
    throw new CryptoError('NOT_PERMITTED', 'The request to join is no longer, or not yet, good')
  }
}

function tagOf(secret: Uint8Array, { groupId, user, accountKey }: Joiner, ms: number): Uint8Array {
  const userBytes = new ByteWriter(8).u64(user).finish()
  const msBytes = new ByteWriter(8).u64(ms).finish()
  return hmac(secret, label('join'), groupId, userBytes, accountKey, msBytes)
}
