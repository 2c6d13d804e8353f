import test from 'ava'
import * as fc from 'fast-check'
import { concat, ZERO_32 } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { requireCurrentSigner } from '../../../../client/crypto/groups/current-signer.ts'
import { groupIdOf, groupInfoHash } from '../../../../client/crypto/groups/group-ids.ts'
import { requireMember, requireRecipient, requireSpeaker } from '../../../../client/crypto/groups/members.ts'
import { beginGroup, changeGroup } from '../../../../client/crypto/groups/new-state.ts'
import {
  acceptAnchor,
  acceptNext,
  acceptPage,
  requireNamedState,
  requireSameState,
} from '../../../../client/crypto/groups/state-chain.ts'
import type { KnownState } from '../../../../client/crypto/groups/state-chain.ts'
import { randomBytes } from '../../../../client/crypto/primitives/random.ts'
import {
  decodeGroupState,
  encodeGroupState,
  groupStateBody,
  groupStateHash,
} from '../../../../client/crypto/wire/group-state.ts'
import type { GroupMember, GroupSettings, GroupStateBody } from '../../../../client/crypto/wire/group-state.ts'
import { firstDevice, makePerson, NOW, primitives, withDevices } from '../helpers/people.ts'
import type { Person, TestDevice } from '../helpers/people.ts'

const OPEN: GroupSettings = { adminsSend: false, adminsEditInfo: false, membersAdd: false, approveJoins: false }
const infoHash = groupInfoHash(concat(randomBytes(32), new TextEncoder().encode('Walks')))
const code = (expected: string) => ({ instanceOf: CryptoError, code: expected })

const people = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => makePerson(15550000000 + i, 2)))
const [ann, bob, cid, dan] = people as [Person, Person, Person, Person]

const member = ({ user, account }: Person, admin = false): GroupMember => ({
  user,
  admin,
  accountKey: account.publicKey,
})
const signerOf = ({ cert, signing }: TestDevice) => ({ certificate: cert, signing })
const without = (members: readonly GroupMember[], { user }: Person) => members.filter((one) => one.user !== user)

/** Signs whatever it is given. */
async function forge(body: GroupStateBody, by: TestDevice): Promise<Uint8Array> {
  const signer = { ...body, signer: by.cert }
  return encodeGroupState({ ...signer, signature: await primitives.sign('group', groupStateBody(signer), by.signing) })
}

function following(known: KnownState, change: Partial<GroupStateBody>): GroupStateBody {
  return { ...known.state, epoch: known.state.epoch + 1, previousHash: known.hash, ms: NOW, ...change }
}

async function begin(settings: Partial<GroupSettings> = {}, members = [member(ann, true), member(bob), member(cid)]) {
  const contents = { members, settings: { ...OPEN, ...settings }, infoHash }
  return beginGroup(primitives, signerOf(firstDevice(ann)), contents, NOW)
}

test('a state has the size of its layout, up to 1,024 members', async (t) => {
  for (const [count, size] of [
    [1, 454],
    [256, 10_909],
    [1_024, 42_397],
  ] as const) {
    const more = Array.from({ length: count - 1 }, (_, i) => ({ ...member(bob), user: i + 1 }))
    const { bytes, state } = await begin({}, [member(ann, true), ...more])
    t.is(bytes.length, size)
    t.deepEqual(decodeGroupState(bytes), state)
  }
  const tooMany = Array.from({ length: 1_024 }, (_, i) => ({ ...member(bob), user: i + 1 }))
  await t.throwsAsync(begin({}, [member(ann, true), ...tooMany]), { instanceOf: RangeError })
  await t.throwsAsync(begin({}, [member(ann, true), member(bob), member(bob)]), { instanceOf: RangeError })
})

test('a group is followed from its beginning or any later anchor', async (t) => {
  const first = await begin()
  const second = await changeGroup(
    primitives,
    signerOf(firstDevice(ann)),
    first,
    { members: [...first.state.members, member(dan)] },
    NOW,
  )
  const third = await changeGroup(primitives, signerOf(firstDevice(dan)), second, { infoHash: randomBytes(32) }, NOW)
  const { groupId } = first.state
  for (const known of [first, second]) {
    const anchor = { groupId, epoch: known.state.epoch, stateHash: known.hash }
    const from = await acceptAnchor(primitives, anchor, known.bytes)
    const page = [second.bytes, third.bytes].slice(known.state.epoch - 1)
    const accepted = await acceptPage(primitives, from, page)
    t.deepEqual(accepted.at(-1)?.hash, third.hash)
  }
  await t.throwsAsync(acceptPage(primitives, first, [third.bytes]), code('MALFORMED'), 'a gap')
  await t.throwsAsync(acceptPage(primitives, second, [second.bytes]), code('MALFORMED'), 'a repeat')
  const long = Array.from({ length: 101 }, () => second.bytes)
  await t.throwsAsync(acceptPage(primitives, first, long), code('MALFORMED'), 'more than a page')
  const elsewhere = await begin({}, [member(ann, true), member(bob)])
  const anchor = { groupId, epoch: 1, stateHash: first.hash }
  await t.throwsAsync(acceptAnchor(primitives, anchor, elsewhere.bytes), code('GROUP_STATE_FORK'))
  await t.throwsAsync(acceptAnchor(primitives, { ...anchor, groupId: randomBytes(16) }, first.bytes), code('MALFORMED'))
})

test('nobody puts another beginning under the id of a group', async (t) => {
  const first = await begin()
  const { groupId } = first.state
  const tries: [GroupStateBody, Person][] = [
    [{ ...first.state, members: [member(ann), member(bob, true)] }, bob],
    [{ ...first.state, infoHash: randomBytes(32) }, ann],
    [{ ...first.state, members: [member(ann), member(bob, true)] }, ann],
    [{ ...first.state, members: [member(bob, true)] }, ann],
    [{ ...first.state, members: [{ ...member(ann, true), accountKey: randomBytes(32) }] }, ann],
  ]
  for (const [body, by] of tries) {
    const bytes = await forge(body, firstDevice(by))
    const anchor = { groupId, epoch: 1, stateHash: groupStateHash(bytes) }
    await t.throwsAsync(acceptAnchor(primitives, anchor, bytes), code('NOT_PERMITTED'))
  }
  const genuine = { groupId, epoch: 1, stateHash: first.hash }
  t.deepEqual((await acceptAnchor(primitives, genuine, first.bytes)).state, first.state)
  t.deepEqual(groupId, groupIdOf(ann.account.publicKey, infoHash))
})

test('a state that was changed anywhere is refused', async (t) => {
  const first = await begin({ membersAdd: true })
  const next = await forge(following(first, { infoHash: randomBytes(32) }), firstDevice(ann))
  await fc.assert(
    fc.asyncProperty(fc.nat(next.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const forged = next.slice()
      forged[at] = (forged[at] as number) ^ mask
      await t.throwsAsync(acceptNext(primitives, first, forged), { instanceOf: CryptoError })
    }),
    { numRuns: 300 },
  )
  t.is((await acceptNext(primitives, first, next)).state.epoch, 2)
})

test('only who has the signing key of a certified device signs', async (t) => {
  const first = await begin()
  const body = following(first, { infoHash: randomBytes(32) })
  const device = firstDevice(ann)
  const stolen = { ...device, signing: firstDevice(bob).signing }
  await t.throwsAsync(acceptNext(primitives, first, await forge(body, stolen)), code('BAD_SIGNATURE'))
  const invented = { ...device, cert: { ...device.cert, accountSignature: new Uint8Array(64) } }
  await t.throwsAsync(acceptNext(primitives, first, await forge(body, invented)), code('BAD_SIGNATURE'))
  const [impostor] = (await makePerson(ann.user)).devices
  await t.throwsAsync(acceptNext(primitives, first, await forge(body, impostor as TestDevice)), code('NOT_PERMITTED'))
  t.is((await acceptNext(primitives, first, await forge(body, device))).state.epoch, 2)
})

interface Edit {
  readonly signer: number
  readonly adds: readonly { readonly who: number; readonly admin: boolean }[]
  readonly removes: readonly number[]
  readonly flips: readonly number[]
  readonly rekeys: readonly number[]
  readonly settings: boolean
  readonly info: boolean
}

const indices = fc.uniqueArray(fc.nat(5), { maxLength: 2 })
const often = fc.oneof({ arbitrary: fc.constant<number[]>([]), weight: 3 }, { arbitrary: indices, weight: 1 })
const editOf: fc.Arbitrary<Edit> = fc.record({
  signer: fc.nat(5),
  adds: fc.oneof(
    { arbitrary: fc.constant([]), weight: 1 },
    {
      arbitrary: fc.uniqueArray(fc.record({ who: fc.nat(5), admin: fc.boolean() }), {
        maxLength: 2,
        selector: ({ who }) => who,
      }),
      weight: 1,
    },
  ),
  removes: fc.oneof(fc.constant<number[]>([]), indices),
  flips: often,
  rekeys: often,
  settings: fc.oneof({ arbitrary: fc.constant(false), weight: 4 }, fc.boolean()),
  info: fc.boolean(),
})

test('whatever the change, it is taken exactly when the state before allows its signer to make it', async (t) => {
  const outcomes = { taken: 0, refused: 0 }
  const roles = fc.array(fc.constantFrom('none', 'member', 'admin'), { minLength: 6, maxLength: 6 })
  const settingsOf = fc.record({
    adminsSend: fc.boolean(),
    adminsEditInfo: fc.boolean(),
    membersAdd: fc.boolean(),
    approveJoins: fc.boolean(),
  })
  const property = fc.asyncProperty(roles, settingsOf, editOf, async (given, settings, edit) => {
    const old = given.map((role, i) => (i === 0 ? 'admin' : role))
    const isIn = (i: number) => old[i] !== 'none'
    const members = people.flatMap((person, i) => (isIn(i) ? [member(person, old[i] === 'admin')] : []))
    const first = await begin(settings, members)
    // Each person is touched in one way at most, so that the edits say what changes.
    const removes = edit.removes.filter(isIn)
    const flips = edit.flips.filter((i) => isIn(i) && !removes.includes(i))
    const rekeys = edit.rekeys.filter((i) => isIn(i) && !removes.includes(i) && !flips.includes(i))
    const adds = edit.adds.filter(({ who }) => !isIn(who))
    const next = people.flatMap((person, i) => {
      const add = adds.find(({ who }) => who === i)
      if (add !== undefined) return [member(person, add.admin)]
      if (!isIn(i) || removes.includes(i)) return []
      const kept = member(person, flips.includes(i) ? old[i] !== 'admin' : old[i] === 'admin')
      return [rekeys.includes(i) ? { ...kept, accountKey: new Uint8Array(32).fill(3) } : kept]
    })
    if (next.length === 0) return
    const changed = {
      members: next,
      settings: edit.settings ? { ...settings, approveJoins: !settings.approveJoins } : settings,
      infoHash: edit.info ? new Uint8Array(32).fill(4) : infoHash,
    }
    const bytes = await forge(following(first, changed), firstDevice(people[edit.signer] as Person))

    const counts = { adds: adds.length, removes: removes.length, others: flips.length + rekeys.length }
    const rest = edit.settings || counts.others > 0
    const leaves = counts.adds === 0 && !edit.info && !rest && removes.length === 1 && removes[0] === edit.signer
    const informs = counts.adds + counts.removes === 0 && edit.info && !rest && !settings.adminsEditInfo
    const invites =
      counts.adds > 0 &&
      counts.removes === 0 &&
      !edit.info &&
      !rest &&
      settings.membersAdd &&
      !adds.some(({ admin }) => admin)
    const role = old[edit.signer]
    const mayChange = role === 'admin' || (role === 'member' && (leaves || informs || invites))
    const allowed = mayChange && next.some(({ admin }) => admin)

    outcomes[allowed ? 'taken' : 'refused']++
    if (allowed) t.is((await acceptNext(primitives, first, bytes)).state.epoch, 2)
    else await t.throwsAsync(acceptNext(primitives, first, bytes), code('NOT_PERMITTED'))
  })
  await fc.assert(property, { numRuns: 1_000 })
  t.true(outcomes.taken > 50 && outcomes.refused > 50, JSON.stringify(outcomes))
})

test('nobody makes himself an admin, and who was one is one no longer', async (t) => {
  const first = await begin()
  const promoted = first.state.members.map((one) => (one.user === bob.user ? { ...one, admin: true } : one))
  const selfMade = following(first, { members: promoted })
  await t.throwsAsync(acceptNext(primitives, first, await forge(selfMade, firstDevice(bob))), code('NOT_PERMITTED'))
  const second = await acceptNext(primitives, first, await forge(selfMade, firstDevice(ann)))
  const demoted = promoted.map((one) => (one.user === ann.user ? { ...one, admin: false } : one))
  const third = await acceptNext(
    primitives,
    second,
    await forge(following(second, { members: demoted }), firstDevice(bob)),
  )
  const again = following(third, { members: without(demoted, bob) })
  await t.throwsAsync(acceptNext(primitives, third, await forge(again, firstDevice(ann))), code('NOT_PERMITTED'))
})

test('a sole admin names another before he leaves', async (t) => {
  const first = await begin()
  const left = following(first, { members: without(first.state.members, ann) })
  await t.throwsAsync(acceptNext(primitives, first, await forge(left, firstDevice(ann))), code('NOT_PERMITTED'))
  await t.throwsAsync(
    changeGroup(primitives, signerOf(firstDevice(ann)), first, { members: left.members }, NOW),
    code('NOT_PERMITTED'),
  )
  const named = left.members.map((one) => (one.user === cid.user ? { ...one, admin: true } : one))
  t.truthy(await changeGroup(primitives, signerOf(firstDevice(ann)), first, { members: named }, NOW))
})

test('a second good state of an epoch is a fork, and rubbish is none', async (t) => {
  const first = await begin()
  const one = await changeGroup(primitives, signerOf(firstDevice(ann)), first, { infoHash: randomBytes(32) }, NOW)
  const two = await changeGroup(primitives, signerOf(firstDevice(bob)), first, { infoHash: randomBytes(32) }, NOW)
  await t.notThrowsAsync(requireSameState(primitives, one, first, one.bytes))
  await t.throwsAsync(requireSameState(primitives, one, first, two.bytes), code('GROUP_STATE_FORK'))
  await t.throwsAsync(requireSameState(primitives, one, undefined, two.bytes), code('GROUP_STATE_FORK'))
  const unsigned = two.bytes.slice()
  unsigned[unsigned.length - 1] = (unsigned.at(-1) as number) ^ 1
  await t.throwsAsync(requireSameState(primitives, one, first, unsigned), code('BAD_SIGNATURE'))
  const stranger = await forge(following(first, { infoHash: randomBytes(32) }), firstDevice(dan))
  await t.throwsAsync(requireSameState(primitives, one, first, stranger), code('NOT_PERMITTED'))
  await t.throwsAsync(requireSameState(primitives, one, undefined, stranger), code('NOT_PERMITTED'))
  const upon = await changeGroup(primitives, signerOf(firstDevice(bob)), two, { infoHash: randomBytes(32) }, NOW)
  await t.throwsAsync(acceptNext(primitives, one, upon.bytes), code('GROUP_STATE_FORK'))
  const otherFirst = await begin({ adminsSend: true })
  await t.throwsAsync(requireSameState(primitives, first, undefined, otherFirst.bytes), code('GROUP_STATE_FORK'))
  t.notThrows(() => requireNamedState(one, one.hash))
  t.notThrows(() => requireNamedState(one, one.hash.subarray(0, 16)))
  for (const hash of [two.hash, two.hash.subarray(0, 16), one.hash.subarray(0, 15), ZERO_32]) {
    t.throws(() => requireNamedState(one, hash), code('GROUP_STATE_FORK'))
  }
})

test('a removed device cannot sign the newest state', async (t) => {
  const first = await begin()
  const companion = ann.devices[1] as TestDevice
  const next = await acceptNext(
    primitives,
    first,
    await forge(following(first, { infoHash: randomBytes(32) }), companion),
  )
  await t.notThrowsAsync(requireCurrentSigner(primitives, next.state, ann.list))
  const unlinked = await withDevices(ann, ann.devices.slice(0, 1))
  await t.throwsAsync(requireCurrentSigner(primitives, next.state, unlinked.list), code('STALE_DEVICE_LIST'))
})

test('who speaks is a member in the state named and in the newest, under the same account key', async (t) => {
  const { state: first } = await begin()
  const removed = { ...first, members: without(first.members, bob) }
  const muted = { ...first, settings: { ...first.settings, adminsSend: true } }
  const speak = (named: typeof first, newest: typeof first, { user, account }: Person) =>
    requireSpeaker({ named, newest }, user, account.publicKey)
  t.notThrows(() => speak(first, first, bob))
  t.throws(() => speak(first, removed, bob), code('NOT_A_MEMBER'))
  t.throws(() => speak(removed, first, bob), code('NOT_A_MEMBER'))
  t.throws(() => speak(first, first, { ...bob, account: ann.account }), code('NOT_A_MEMBER'))
  t.throws(() => speak(first, muted, bob), code('NOT_PERMITTED'))
  t.notThrows(() => speak(first, muted, ann))
  t.notThrows(() => requireRecipient(first, bob.user, bob.account.publicKey))
  t.throws(() => requireRecipient(first, dan.user, dan.account.publicKey), code('NOT_A_MEMBER'))
  t.throws(() => requireRecipient(first, bob.user, ann.account.publicKey), code('IDENTITY_CHANGED'))
  t.is(requireMember(first, ann.user, ann.account.publicKey).admin, true)
})
