import { createHmac } from 'node:crypto'
import test from 'ava'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { requestJoin, verifyJoin } from '../../../../client/crypto/groups/join.ts'
import { randomBytes } from '../../../../client/crypto/primitives/random.ts'
import { decodeGroupLink, encodeGroupLink } from '../../../../client/crypto/wire/group-link.ts'
import { NOW } from '../helpers/people.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const secret = randomBytes(16)
const joiner = { groupId: randomBytes(16), user: 15550000004, accountKey: randomBytes(32) }
const code = (expected: string) => ({ instanceOf: CryptoError, code: expected })

test('a link has 70 bytes and says where to follow the group from', (t) => {
  const link = { groupId: joiner.groupId, epoch: 9, stateHash: randomBytes(32), secret }
  t.is(encodeGroupLink(link).length, 70)
  t.deepEqual(decodeGroupLink(encodeGroupLink(link)), link)
})

test('a request has the layout of the specification', (t) => {
  const request = Buffer.from(requestJoin(secret, joiner, NOW))
  t.is(request.length, 40)
  const ms = Buffer.alloc(8)
  ms.writeBigUInt64BE(BigInt(NOW))
  t.deepEqual(request.subarray(0, 8), ms)
  const user = Buffer.alloc(8)
  user.writeBigUInt64BE(BigInt(joiner.user))
  const parts = [Buffer.from('Parley-v1/join\0'), joiner.groupId, user, joiner.accountKey, ms]
  t.deepEqual(request.subarray(8), createHmac('sha256', secret).update(Buffer.concat(parts)).digest())
})

test('a link without its secret admits nobody, and a request is for one account and one group', (t) => {
  const request = requestJoin(secret, joiner, NOW)
  t.notThrows(() => verifyJoin(secret, joiner, request, NOW))
  t.throws(() => verifyJoin(randomBytes(16), joiner, request, NOW), code('BAD_TAG'))
  for (const other of [{ user: 15550000005 }, { groupId: randomBytes(16) }, { accountKey: randomBytes(32) }]) {
    t.throws(() => verifyJoin(secret, { ...joiner, ...other }, request, NOW), code('BAD_TAG'))
  }
  for (let at = 0; at < request.length; at++) {
    const forged = request.slice()
    forged[at] = (forged[at] as number) ^ 1
    t.throws(() => verifyJoin(secret, joiner, forged, NOW), { instanceOf: CryptoError })
  }
  t.throws(() => verifyJoin(secret, joiner, request.subarray(1), NOW), code('MALFORMED'))
})

test('a request is good for 7 days', (t) => {
  const request = requestJoin(secret, joiner, NOW)
  t.notThrows(() => verifyJoin(secret, joiner, request, NOW + 7 * DAY_MS))
  t.throws(() => verifyJoin(secret, joiner, request, NOW + 7 * DAY_MS + 1), code('NOT_PERMITTED'))
  t.notThrows(() => verifyJoin(secret, joiner, request, NOW - DAY_MS))
  t.throws(() => verifyJoin(secret, joiner, request, NOW - DAY_MS - 1), code('NOT_PERMITTED'))
})
