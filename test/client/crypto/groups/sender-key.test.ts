import { createHash, createHmac, hkdfSync } from 'node:crypto'
import test from 'ava'
import * as fc from 'fast-check'
import nacl from 'tweetnacl'
import { concat, hex } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import {
  MAX_CHAINS,
  openFromGroup,
  purgeSkipped,
  receiveDistribution,
} from '../../../../client/crypto/groups/received-chain.ts'
import {
  distributionOf,
  isWorn,
  moveChain,
  newSenderChain,
  sealForGroup,
} from '../../../../client/crypto/groups/sender-chain.ts'
import { isStatusDistribution } from '../../../../client/crypto/groups/status.ts'
import { statusIdOf } from '../../../../client/crypto/groups/group-ids.ts'
import { randomBytes } from '../../../../client/crypto/primitives/random.ts'
import { MAX_PLAINTEXT_BYTES } from '../../../../client/crypto/seal.ts'
import { MAX_ITERATION } from '../../../../client/crypto/wire/iteration.ts'
import {
  decodeSenderKeyDistribution,
  encodeSenderKeyDistribution,
} from '../../../../client/crypto/wire/sender-key-distribution.ts'
import { decodeSenderKeyMessage, encodeSenderKeyMessage } from '../../../../client/crypto/wire/sender-key-message.ts'
import { decodeSenderKeyState, encodeSenderKeyState } from '../../../../client/crypto/wire/sender-key-state.ts'
import type { SenderKeyState } from '../../../../client/crypto/wire/sender-key-state.ts'
import { withRandom } from '../helpers/fixed-random.ts'
import { NOW, primitives } from '../helpers/people.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const alice = { user: 15550000001, device: 2 }
const position = { groupId: new Uint8Array(16).fill(7), epoch: 3, stateHash: new Uint8Array(32).fill(9) }
const text = new TextEncoder()
const code = (expected: string) => ({ instanceOf: CryptoError, code: expected })

function newChain(used: ReadonlySet<number> = new Set()): SenderKeyState {
  return newSenderChain(primitives, alice, position, used, NOW)
}

/** The chain as another device gets it now. */
function received(chain: SenderKeyState, chains: readonly SenderKeyState[] = []): SenderKeyState {
  const distribution = decodeSenderKeyDistribution(encodeSenderKeyDistribution(distributionOf(chain)))
  const { added } = receiveDistribution(chains, alice, distribution, NOW)
  return added as SenderKeyState
}

async function seal(chain: SenderKeyState, count: number): Promise<{ chain: SenderKeyState; messages: Uint8Array[] }> {
  const messages: Uint8Array[] = []
  let at = chain
  for (let i = 0; i < count; i++) {
    const sealed = await sealForGroup(primitives, at, text.encode(`message ${at.iteration}`))
    at = decodeSenderKeyState(encodeSenderKeyState(sealed.chain))
    messages.push(sealed.message)
  }
  return { chain: at, messages }
}

const open = (chain: SenderKeyState | undefined, bytes: Uint8Array, sender = alice) =>
  openFromGroup(primitives, chain, sender, bytes, NOW)

test('objects have the sizes of their layout', async (t) => {
  const chain = newChain()
  t.is(encodeSenderKeyDistribution(distributionOf(chain)).length, 126)
  t.is(encodeSenderKeyState(chain).length, 188)
  const { message } = await sealForGroup(primitives, chain, new Uint8Array(159))
  t.is(message.length, 330)
  const { message: largest } = await sealForGroup(primitives, chain, new Uint8Array(MAX_PLAINTEXT_BYTES))
  t.true(largest.length <= 65_536)
  const { messages } = await seal(chain, 1_201)
  const { chain: late } = await open(received(chain), messages.at(-1) as Uint8Array)
  t.is(late.skipped.length, 1_000)
  t.is(late.skipped[0]?.iteration, 200, 'the oldest are gone')
  t.is(encodeSenderKeyState(late).length, 44_188)
})

test('another implementation, over node:crypto, reads a message', async (t) => {
  const chain = newChain()
  const { messages } = await seal(chain, 4)
  const bytes = Buffer.from(messages[3] as Uint8Array)
  // A plain walk along the layout.
  const step = (key: Uint8Array, byte: number) => createHmac('sha256', key).update(Buffer.of(byte)).digest()
  let chainKey: Uint8Array = chain.chainKey
  for (let i = 0; i < 3; i++) chainKey = step(chainKey, 2)
  const keys = Buffer.from(
    hkdfSync('sha256', step(chainKey, 1), Buffer.alloc(32), Buffer.from('Parley-v1/skm-mk\0'), 64),
  )
  const address = Buffer.alloc(12)
  address.writeBigUInt64BE(15550000001n)
  address.writeUInt32BE(2, 8)
  t.is(bytes.subarray(0, 2).toString('hex'), '0107')
  t.deepEqual(bytes.subarray(2, 18), Buffer.from(position.groupId))
  t.is(bytes.readUInt32BE(18), 3)
  t.is(bytes.readUInt32BE(22), chain.chainId)
  t.is(bytes.readUInt32BE(26), 3)
  const boxBytes = bytes.readUInt32BE(54)
  t.is(58 + boxBytes + 32 + 64, bytes.length)
  const tagged = Buffer.concat([Buffer.from('Parley-v1/skm-ad\0'), address, bytes.subarray(0, 58 + boxBytes)])
  const tag = createHmac('sha256', keys.subarray(32)).update(tagged).digest()
  t.deepEqual(bytes.subarray(-96, -64), tag)
  const signed = Buffer.concat([Buffer.from('Parley-v1/skm\0'), address, bytes.subarray(0, -64)])
  t.true(nacl.sign.detached.verify(signed, bytes.subarray(-64), chain.signingKey))
  const padded = nacl.secretbox.open(bytes.subarray(58, 58 + boxBytes), bytes.subarray(30, 54), keys.subarray(0, 32))
  t.is(Buffer.from(padded as Uint8Array).toString('latin1'), 'message 3\u0080'.padEnd(160, '\0'))
  const record = Buffer.from(encodeSenderKeyState(chain))
  t.deepEqual(record.subarray(-8), createHash('sha256').update(record.subarray(0, -8)).digest().subarray(0, 8))
})

test('messages open in any order, each once, and a late comer reads none from before', async (t) => {
  const chain = newChain()
  const before = await seal(chain, 3)
  const after = await seal(before.chain, 5)
  let reader = received(chain)
  for (const i of [2, 0, 1]) {
    const opened = await open(reader, before.messages[i] as Uint8Array)
    t.is(new TextDecoder().decode(opened.plaintext), `message ${i}`)
    await t.throwsAsync(open(opened.chain, before.messages[i] as Uint8Array), code('DUPLICATE'))
    reader = opened.chain
  }
  t.is(reader.skipped.length, 0)
  const late = received(before.chain)
  for (const message of before.messages) await t.throwsAsync(open(late, message), code('DUPLICATE'))
  t.truthy((await open(late, after.messages[4] as Uint8Array)).plaintext)
})

test('a chain goes 2,000 messages forward at once and no further', async (t) => {
  const chain = newChain()
  const { messages } = await seal(chain, 2_002)
  const reader = received(chain)
  const before = hex(encodeSenderKeyState(reader))
  await t.throwsAsync(open(reader, messages[2_001] as Uint8Array), code('TOO_FAR_AHEAD'))
  t.is(hex(encodeSenderKeyState(reader)), before)
  t.truthy((await open(reader, messages[2_000] as Uint8Array)).plaintext)
})

test('a changed, cut or lengthened message is refused, the chain stays, and the genuine one still opens', async (t) => {
  const chain = newChain()
  const { messages } = await seal(chain, 2)
  const genuine = messages[1] as Uint8Array
  const reader = received(chain)
  const before = hex(encodeSenderKeyState(reader))
  for (let at = 0; at < genuine.length; at++) {
    const forged = genuine.slice()
    forged[at] = (forged[at] as number) ^ (1 << (at % 8))
    await t.throwsAsync(open(reader, forged), { instanceOf: CryptoError }, `byte ${at}`)
  }
  for (const size of [0, 1, 58, genuine.length - 65, genuine.length - 1]) {
    await t.throwsAsync(open(reader, genuine.slice(0, size)), code('MALFORMED'), `${size} bytes`)
  }
  await t.throwsAsync(open(reader, concat(genuine, Uint8Array.of(0))), code('MALFORMED'))
  t.is(hex(encodeSenderKeyState(reader)), before)
  t.is(new TextDecoder().decode((await open(reader, genuine)).plaintext), 'message 1')
})

test('a message does not pass as one of another device, user, group, chain or epoch', async (t) => {
  const chain = newChain()
  const { messages } = await seal(chain, 1)
  const message = messages[0] as Uint8Array
  const reader = received(chain)
  for (const sender of [
    { ...alice, device: 1 },
    { ...alice, user: 15550000009 },
  ]) {
    await t.throwsAsync(open(reader, message, sender), code('NO_SESSION'))
    // Somebody who hands out the chain of another as his own.
    await t.throwsAsync(open({ ...reader, sender }, message, sender), code('BAD_SIGNATURE'))
  }
  await t.throwsAsync(open({ ...reader, groupId: new Uint8Array(16) }, message), code('NO_SESSION'))
  await t.throwsAsync(open(undefined, message), code('NO_SESSION'))
  const other = received(newChain())
  await t.throwsAsync(open(other, message), code('NO_SESSION'))
  await t.throwsAsync(open({ ...other, chainId: chain.chainId }, message), code('BAD_SIGNATURE'))
  for (const change of [{ groupEpoch: 4 }, { groupId: new Uint8Array(16) }, { iteration: 1 }]) {
    const moved = encodeSenderKeyMessage({ ...decodeSenderKeyMessage(message), ...change })
    const state = { ...reader, groupId: change.groupId ?? reader.groupId }
    await t.throwsAsync(open(state, moved), code('BAD_SIGNATURE'))
  }
  t.truthy((await open(reader, message)).plaintext)
})

test('a member who has the chain cannot speak as its sender', async (t) => {
  const chain = newChain()
  const reader = received(chain)
  const mallory = primitives.generateSigning()
  const forging = { ...reader, signingKey: mallory.publicKey, signingSeed: mallory.secretKey }
  const { message } = await sealForGroup(primitives, forging, text.encode('forged'))
  await t.throwsAsync(open(reader, message), code('BAD_SIGNATURE'))
  t.truthy((await open(received(forging), message)).plaintext, 'it is good but for the signature')
})

test('a sender who gives two members different keys cannot show them two texts under one message', async (t) => {
  const chain = newChain()
  const other = { ...chain, chainKey: randomBytes(32) }
  const { message } = await sealForGroup(primitives, chain, text.encode('one text'))
  t.truthy((await open(received(chain), message)).plaintext)
  const reader = received(other)
  const before = hex(encodeSenderKeyState(reader))
  await t.throwsAsync(open(reader, message), code('BAD_TAG'))
  t.is(hex(encodeSenderKeyState(reader)), before)
})

test('good bytes that are no content count as received', async (t) => {
  const chain = newChain()
  const { message } = await sealForGroup(primitives, chain, text.encode('content'))
  const reader = received(chain)
  const parsed = decodeSenderKeyMessage(message)
  // The box of a sender that forgets the padding, under a good tag and signature.
  const key = createHmac('sha256', chain.chainKey).update(Buffer.of(1)).digest()
  const keys = new Uint8Array(hkdfSync('sha256', key, Buffer.alloc(32), Buffer.from('Parley-v1/skm-mk\0'), 64))
  const box = nacl.secretbox(new Uint8Array(160), parsed.nonce, keys.slice(0, 32))
  const unsigned = encodeSenderKeyMessage({ ...parsed, box }).slice(0, -96)
  const address = Buffer.alloc(12)
  address.writeBigUInt64BE(15550000001n)
  address.writeUInt32BE(2, 8)
  const tagged = Buffer.concat([Buffer.from('Parley-v1/skm-ad\0'), address, unsigned])
  const tag = new Uint8Array(createHmac('sha256', keys.slice(32)).update(tagged).digest())
  const signature = await primitives.sign('skm', concat(address, unsigned, tag), {
    publicKey: chain.signingKey,
    secretKey: chain.signingSeed as Uint8Array,
  })
  const opened = await open(reader, concat(unsigned, tag, signature))
  t.is(opened.plaintext, undefined)
  t.is(opened.chain.iteration, 1)
})

test('a second distribution of a chain changes nothing', async (t) => {
  const chain = newChain()
  const { messages } = await seal(chain, 3)
  let reader = received(chain)
  for (const message of messages) reader = (await open(reader, message)).chain
  const again = receiveDistribution([reader], alice, distributionOf(chain), NOW)
  t.deepEqual(again, { outcome: 'known', added: undefined, evicted: [] })
  await t.throwsAsync(open(reader, messages[0] as Uint8Array), code('DUPLICATE'))
  const taken = { ...distributionOf(newChain()), chainId: chain.chainId }
  t.deepEqual(receiveDistribution([reader], alice, taken, NOW), { outcome: 'conflict', added: undefined, evicted: [] })
})

test('five chains of a device are kept, the newest ones', (t) => {
  let chains: SenderKeyState[] = []
  for (let i = 0; i < 8; i++) {
    const { added, evicted } = receiveDistribution(chains, alice, distributionOf(newChain()), NOW + i)
    chains = [added as SenderKeyState, ...chains.filter((chain) => !evicted.includes(chain))]
  }
  t.is(chains.length, MAX_CHAINS)
  t.deepEqual(
    chains.map(({ createdMs }) => createdMs - NOW),
    [7, 6, 5, 4, 3],
  )
})

test('skipped keys are kept for 30 days', async (t) => {
  const chain = newChain()
  const { messages } = await seal(chain, 3)
  const { chain: reader } = await open(received(chain), messages[2] as Uint8Array)
  t.is(purgeSkipped(reader, NOW + 30 * DAY_MS - 1), reader)
  const purged = purgeSkipped(reader, NOW + 30 * DAY_MS)
  t.is(purged.skipped.length, 0)
  t.truthy((await open(reader, messages[0] as Uint8Array)).plaintext)
  await t.throwsAsync(open(purged, messages[0] as Uint8Array), code('DUPLICATE'))
})

test('a chain is worn after 14 days or 2,000 messages and ends before its numbers do', async (t) => {
  const chain = newChain()
  t.false(isWorn({ ...chain, iteration: 1_999 }, NOW + 14 * DAY_MS - 1))
  t.true(isWorn({ ...chain, iteration: 2_000 }, NOW))
  t.true(isWorn(chain, NOW + 14 * DAY_MS))
  t.true(isWorn(chain, NOW - 14 * DAY_MS))
  const last = { ...chain, iteration: MAX_ITERATION }
  const { chain: spent, message } = await sealForGroup(primitives, last, text.encode('the last'))
  t.truthy((await open(received(last), message)).plaintext)
  await t.throwsAsync(sealForGroup(primitives, spent, text.encode('one more')), { instanceOf: RangeError })
  await t.throwsAsync(sealForGroup(primitives, received(chain), text.encode('not mine')), { instanceOf: RangeError })
})

test('a chain moves on with its group and never back', async (t) => {
  const chain = newChain()
  const moved = moveChain(chain, { ...position, epoch: 5 })
  const { message } = await sealForGroup(primitives, moved, text.encode('in epoch 5'))
  t.truthy((await open(received(chain), message)).plaintext)
  t.throws(() => moveChain(moved, position), { instanceOf: RangeError })
  const older = await sealForGroup(primitives, chain, text.encode('in epoch 3'))
  await t.throwsAsync(open(received(moved), older.message), code('MALFORMED'))
})

test('the id of a new chain is one that the device has not used in the group', (t) => {
  // What is drawn: the signing key, the id twice, the chain key.
  const drawn = Uint8Array.of(...randomBytes(32), 0, 0, 0, 5, 0, 0, 0, 6, ...randomBytes(32))
  t.is(withRandom(drawn, () => newChain(new Set([5]))).chainId, 6)
})

test('a status chain is taken from its author alone', (t) => {
  const audience = { groupId: statusIdOf(alice.user), epoch: 1, stateHash: new Uint8Array(32) }
  const status = distributionOf(newSenderChain(primitives, alice, audience, new Set(), NOW))
  t.true(isStatusDistribution(status, alice.user))
  t.false(isStatusDistribution(status, 15550000009))
  t.false(isStatusDistribution({ ...status, groupStateHash: position.stateHash }, alice.user))
})

test('a damaged record of a chain is refused', (t) => {
  const record = encodeSenderKeyState(newChain())
  fc.assert(
    fc.property(fc.nat(record.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const damaged = record.slice()
      damaged[at] = (damaged[at] as number) ^ mask
      t.throws(() => decodeSenderKeyState(damaged), code('CORRUPT_STATE'))
    }),
  )
  t.throws(() => decodeSenderKeyState(new Uint8Array(0)), code('CORRUPT_STATE'))
  t.notThrows(() => decodeSenderKeyState(record))
})
