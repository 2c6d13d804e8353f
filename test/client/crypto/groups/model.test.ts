import test from 'ava'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { openFromGroup } from '../../../../client/crypto/groups/received-chain.ts'
import { decodeSenderKeyMessage } from '../../../../client/crypto/wire/sender-key-message.ts'
import { encodeSenderKeyState } from '../../../../client/crypto/wire/sender-key-state.ts'
import { hex } from '../../../../client/crypto/bytes.ts'
import { GroupWorld, newestOf } from '../helpers/group-world.ts'
import type { Item, Member, Sent } from '../helpers/group-world.ts'
import { makePerson, NOW, primitives } from '../helpers/people.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const PEOPLE = 5
const settings = { adminsSend: false, adminsEditInfo: true, membersAdd: false, approveJoins: false }
const infoHash = new Uint8Array(32).fill(5)
const people = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => makePerson(15550000001 + i)))

type Step =
  | { readonly do: 'send' | 'add' | 'remove' | 'leave'; readonly who: number }
  | { readonly do: 'deliver' | 'repeat' | 'drop' | 'tamper'; readonly which: number }
  | { readonly do: 'wear' }

const who = fc.nat(PEOPLE - 1)
const which = fc.nat(1_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), who }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('deliver' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('repeat' as const, 'drop' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tamper' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('add' as const, 'remove' as const, 'leave' as const), who }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'wear' as const }) },
)

async function newWorld(inside = 3): Promise<GroupWorld> {
  const world = new GroupWorld(people, NOW)
  await world.begin(inside, { settings, infoHash })
  return world
}

const at = (world: GroupWorld, index: number) => world.members[index] as Member

const remaining = (world: GroupWorld, gone: Member) =>
  world.tip.state.members.filter(({ user }) => user !== gone.person.user)

/** The change, if it is one. The first person is the admin and stays. */
async function changeMembers(world: GroupWorld, kind: 'add' | 'remove' | 'leave', member: Member): Promise<void> {
  const admin = at(world, 0)
  if (member === admin) return
  const { user, account } = member.person
  if (kind === 'add' && !world.isIn(member)) {
    const added = { user, admin: false, accountKey: account.publicKey }
    await world.change(admin, [...world.tip.state.members, added])
  }
  if (kind === 'remove' && world.isIn(member)) await world.change(admin, remaining(world, member))
  if (kind === 'leave' && world.isIn(member)) await world.change(member, remaining(world, member))
}

/** Delivers an item as its device must take it, in any order. @returns whether it is done with */
async function deliver(world: GroupWorld, item: Item): Promise<boolean> {
  try {
    await world.deliver(item)
    return true
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    if (error.code === 'NOT_A_MEMBER' && isFromBefore(item)) return true
    if (item.type !== 'message') throw error
    const { sent, to } = item
    const gone = !world.isIn(sent.sender, newestOf(to))
    if (error.code === 'NOT_A_MEMBER' && gone) return true
    // It waits for its chain, unless that was here long ago.
    if (error.code === 'NO_SESSION') return to.evicted.has(sent.chainId)
    throw error
  }
}

/** Of an epoch before its recipient came back, by somebody who does not know yet that he was away. */
function isFromBefore(item: Item): boolean {
  if (item.type === 'state') return false
  const { groupEpoch } = item.type === 'chain' ? item.distribution : decodeSenderKeyMessage(item.sent.bytes)
  return groupEpoch < newestOf(item.to).state.epoch && !item.to.states.has(groupEpoch)
}

async function run(t: ExecutionContext, world: GroupWorld, one: Step): Promise<void> {
  if (one.do === 'wear') world.nowMs += 14 * DAY_MS
  else if (one.do === 'send') {
    const from = at(world, one.who)
    if (from.states.size > 0 && world.isIn(from, newestOf(from))) await world.send(from)
  } else if ('who' in one) await changeMembers(world, one.do, at(world, one.who))
  else {
    const index = one.which % Math.max(1, world.pending.length)
    const item = world.pending[index]
    if (item === undefined) return
    if (one.do === 'deliver' && (await deliver(world, item))) world.pending.splice(index, 1)
    const isForgotten = item.type === 'chain' && item.to.evicted.has(item.distribution.chainId)
    if (one.do === 'repeat' && !isForgotten && !isFromBefore(item)) {
      if (await deliver(world, item)) await refuseAgain(t, world, item)
      else return
      world.pending.splice(index, 1)
    }
    if (one.do === 'drop' && item.type === 'message') world.pending.splice(index, 1)
    if (one.do === 'tamper' && item.type === 'message') await tamper(t, world, item.to, item.sent, one.which)
  }
}

async function refuseAgain(t: ExecutionContext, world: GroupWorld, item: Item): Promise<void> {
  const before = recordsOf(item.to)
  if (item.type === 'message') await t.throwsAsync(world.deliver(item), { instanceOf: CryptoError })
  else await world.deliver(item)
  t.is(recordsOf(item.to), before)
}

async function tamper(t: ExecutionContext, world: GroupWorld, to: Member, sent: Sent, seed: number): Promise<void> {
  const forged = sent.bytes.slice()
  const index = 18 + (seed % (forged.length - 18))
  forged[index] = (forged[index] as number) ^ (1 << (seed % 8))
  const before = recordsOf(to)
  await t.throwsAsync(world.receive(to, sent, forged), { instanceOf: CryptoError })
  t.is(recordsOf(to), before)
}

const recordsOf = ({ received }: Member) => received.map((one) => hex(encodeSenderKeyState(one))).join()

/** Until nothing more moves. */
async function drain(world: GroupWorld): Promise<void> {
  for (let moved = true; moved;) {
    moved = false
    for (const item of world.pending.slice()) {
      if (!(await deliver(world, item))) continue
      world.pending.splice(world.pending.indexOf(item), 1)
      moved = true
    }
  }
}

/** What anybody could read who kept every chain that he ever had. */
async function readable(member: Member, { chainId, bytes, sender }: Sent): Promise<boolean> {
  for (const chain of member.kept.filter((one) => one.chainId === chainId)) {
    try {
      await openFromGroup(primitives, chain, sender.address, bytes, NOW)
      return true
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    }
  }
  return false
}

test('whatever is sent, lost, repeated, changed, and whoever comes and goes: all read their own, and nobody else', async (t) => {
  const totals = { opened: 0, closed: 0, kept: 0 }
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
    const world = await newWorld()
    for (const one of steps) await run(t, world, one)
    await drain(world)
    t.deepEqual(
      world.pending.filter(({ to }) => to.evicted.size === 0),
      [],
    )
    for (const sent of world.sent) {
      for (const member of world.members) {
        const times = member.opened.get(sent.text) ?? 0
        t.true(times <= (sent.audience.has(member) ? 1 : 0))
        totals.opened += times
        if (member === sent.sender) continue
        if (sent.audience.has(member)) totals.kept += (await readable(member, sent)) ? 1 : 0
        else {
          t.false(await readable(member, sent), 'a message for others')
          totals.closed += 1
        }
      }
    }
  })
  const comesBack: Step[] = [
    { do: 'add', who: 3 },
    { do: 'remove', who: 2 },
    { do: 'add', who: 2 },
    { do: 'send', who: 3 },
  ]
  const comesBackBetweenTwoMessages: Step[] = [
    { do: 'add', who: 3 },
    { do: 'send', who: 0 },
    { do: 'remove', who: 1 },
    { do: 'add', who: 1 },
    { do: 'send', who: 0 },
  ]
  await fc.assert(property, { numRuns: 150, examples: [[comesBack], [comesBackBetweenTwoMessages]] })
  t.true(totals.opened > 500 && totals.closed > 500 && totals.kept > 500, JSON.stringify(totals))
})

test('without losses every member reads every message meant for him, in any order', async (t) => {
  const order = fc.array(fc.nat(1_000), { minLength: 100, maxLength: 100 })
  const senders = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 })
  const property = fc.asyncProperty(senders, order, async (from, picks) => {
    const world = await newWorld()
    for (const index of from) await world.send(at(world, index))
    for (const pick of picks) await run(t, world, { do: 'deliver', which: pick })
    await drain(world)
    t.is(world.pending.length, 0)
    for (const { text, audience } of world.sent) {
      t.is(audience.size, 2)
      for (const member of audience) t.is(member.opened.get(text), 1)
    }
  })
  await fc.assert(property, { numRuns: 50 })
})

test('a removed member reads nothing new, is heard by nobody, and reads again only from when he is back', async (t) => {
  const world = await newWorld()
  const [admin, bob, eve] = [at(world, 0), at(world, 1), at(world, 2)]
  for (const member of [admin, bob, eve]) await world.send(member)
  await drain(world)
  const chains = new Set(world.sent.map(({ chainId }) => chainId))

  await changeMembers(world, 'remove', eve)
  // Bob has heard of it; Eve goes on under the state that she was a member of.
  await world.follow(bob, 2)
  await world.send(eve)
  const late = world.sent.at(-1) as Sent
  await t.throwsAsync(world.receive(bob, late, late.bytes), { instanceOf: CryptoError, code: 'NOT_A_MEMBER' })
  world.pending.length = 0
  for (const member of [admin, bob]) await world.send(member)
  await drain(world)
  for (const sent of world.sent.slice(-2)) {
    t.false(chains.has(sent.chainId), 'each sender has a new chain before his next message')
    t.false(await readable(eve, sent))
    t.is([admin, bob].filter((member) => member.opened.get(sent.text) === 1).length, 1)
  }
  const unread = world.sent.slice(-2)

  await changeMembers(world, 'add', eve)
  await drain(world)
  for (const member of [admin, bob]) await world.send(member)
  await drain(world)
  for (const sent of world.sent.slice(-2)) t.is(eve.opened.get(sent.text), 1)
  for (const sent of unread) t.false(await readable(eve, sent))
})

test('who leaves is not waited for, and who the server invents gets no chain', async (t) => {
  const world = await newWorld()
  const [admin, bob, eve] = [at(world, 0), at(world, 1), at(world, 2)]
  await world.send(admin)
  await changeMembers(world, 'leave', eve)
  await drain(world)
  const before = world.sent[0] as Sent
  await world.send(admin)
  const after = world.sent[1] as Sent
  t.not(after.chainId, before.chainId)
  t.deepEqual([...after.audience], [bob])
  // A state of the server's own: the signature is the only thing that it cannot make.
  const invented = world.tip.bytes.slice()
  invented[21] = 3
  await t.throwsAsync(
    (async () => {
      world.server.push({ ...world.tip, bytes: invented })
      await world.follow(bob, 3)
    })(),
    { instanceOf: CryptoError },
  )
  t.is(newestOf(bob).state.epoch, 2)
})
