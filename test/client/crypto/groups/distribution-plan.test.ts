import { createHash } from 'node:crypto'
import test from 'ava'
import { audienceHash } from '../../../../client/crypto/groups/audience.ts'
import type { Recipient } from '../../../../client/crypto/groups/audience.ts'
import { planDistribution } from '../../../../client/crypto/groups/distribution-plan.ts'
import { newSenderChain } from '../../../../client/crypto/groups/sender-chain.ts'
import { NOW, primitives } from '../helpers/people.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const groupId = new Uint8Array(16).fill(1)
const position = { groupId, epoch: 1, stateHash: new Uint8Array(32).fill(2) }
const chain = newSenderChain(primitives, { user: 1, device: 1 }, position, new Set(), NOW)
const recipient = (user: number, device = 1, registrationId = 7): Recipient => ({
  address: { user, device },
  registrationId,
})
const plan = (holders: readonly Recipient[], audience: readonly Recipient[], nowMs = NOW) =>
  planDistribution(chain, holders, audience, nowMs)

test('a chain is handed to those who lack it, and to nobody twice', (t) => {
  const [a, b, c] = [recipient(2), recipient(3), recipient(3, 2)]
  t.deepEqual(plan([a, b], [a, b]), { rotate: false, to: [] })
  t.deepEqual(plan([a], [a, b, c]), { rotate: false, to: [b, c] })
  t.deepEqual(planDistribution(undefined, [], [a, b], NOW), { rotate: true, to: [a, b] })
})

test('there is a new chain for all when somebody with the old one is gone, or it is worn', (t) => {
  const [a, b] = [recipient(2), recipient(3)]
  t.deepEqual(plan([a, b], [a]), { rotate: true, to: [a] }, 'a member left')
  t.deepEqual(plan([a, recipient(3, 2)], [a, b]), { rotate: true, to: [a, b] }, 'a device was removed')
  t.deepEqual(plan([a, recipient(3, 1, 6)], [a, b]), { rotate: true, to: [a, b] }, 'a device was installed anew')
  t.deepEqual(plan([a, b], [a, b], NOW + 14 * DAY_MS), { rotate: true, to: [a, b] })
})

test('the audience is named whatever its order', (t) => {
  const recipients = [recipient(20, 1, 5), recipient(3, 2, 6), recipient(3, 1, 7)]
  const fields = Buffer.alloc(8 + 3 * 16)
  fields.writeUInt32BE(4, 0)
  fields.writeUInt32BE(3, 4)
  for (const [i, { address, registrationId }] of [
    recipient(3, 1, 7),
    recipient(3, 2, 6),
    recipient(20, 1, 5),
  ].entries()) {
    fields.writeBigUInt64BE(BigInt(address.user), 8 + i * 16)
    fields.writeUInt32BE(address.device, 16 + i * 16)
    fields.writeUInt32BE(registrationId, 20 + i * 16)
  }
  const whole = createHash('sha256').update('Parley-v1/audience\0').update(groupId).update(fields).digest()
  t.deepEqual(Buffer.from(audienceHash(groupId, 4, recipients)), whole.subarray(0, 8))
  t.notDeepEqual(audienceHash(groupId, 5, recipients), audienceHash(groupId, 4, recipients))
})
