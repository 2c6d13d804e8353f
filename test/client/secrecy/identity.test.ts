import test from 'ava'
import { Arrival } from '../../../client/arrival.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import { takeTrustSync } from '../../../client/secrecy/trust-sync.ts'
import { Kind } from '../../../proto/frames.ts'
import type { DeviceDifference, SendFrame } from '../../../proto/frames.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { writePin } from '../../../client/secrecy/peer.ts'
import { encodeBase64 } from '../../../proto/base64.ts'
import { KeyStation } from '../helpers/key-station.ts'
import { contentFor, Peer } from '../helpers/peer.ts'
import { ADDRESS, contentOf, envelopeOf, hint, ME, newWorld, PEER, setUp, uuid } from '../helpers/scripted.ts'
import type { Setup } from '../helpers/scripted.ts'
import { differences, lasting, recordsOf } from '../helpers/stores.ts'

const phone = { user: PEER, device: 1 }
const stale = { missing: [], extra: [], stale: [1] }

function refused(id: string, devices: DeviceDifference) {
  return {
    type: 'error' as const,
    id,
    code: 'DEVICES_CHANGED',
    message: '',
    temporary: false,
    retryAfterMs: 0,
    details: { devices },
  }
}

function accepted({ id }: { id: string }) {
  return { type: 'accepted' as const, id, messageId: 1n, at: 5, delivered: [] }
}

const payloadOf = ({ copies }: SendFrame, device = 1): Uint8Array =>
  copies.find((copy) => copy.device === device)?.payload ?? new Uint8Array(0)

function watch({ client }: Setup): string[] {
  const told: string[] = []
  client.on('identity', ({ user, change }) => told.push(`${user} ${change}`))
  return told
}

test('a device that was installed anew gets the message on a fresh session, and the others the same bytes', async (t) => {
  const made = await setUp({}, await newWorld(2))
  const { client, wire, peer } = made
  const told = watch(made)
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  const first = await session.nthSent(Kind.MESSAGE)
  await peer.reinstall()
  session.say(refused(message.id, stale))
  const second = await session.nthSent(Kind.MESSAGE, 2)
  t.is(second.id, message.id)
  t.deepEqual(payloadOf(second, 2), payloadOf(first, 2))
  t.not(second.copies[0]?.registrationId, first.copies[0]?.registrationId)
  t.is(peer.phone.read(ADDRESS, payloadOf(second)), 'Hello')
  t.is(peer.device(2).read(ADDRESS, payloadOf(second, 2)), 'Hello')
  t.deepEqual(told, [], 'the account is the same')
  t.like(await client.trust.of(PEER), { changed: false })
  await client.close()
})

test('another account key is told; with identityChanges "accept" the message goes to it', async (t) => {
  const made = await setUp()
  const { client, wire, peer } = made
  const told = watch(made)
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  const before = await client.trust.of(PEER)
  await peer.beginAgain()
  session.say(refused(message.id, stale))
  const second = await session.nthSent(Kind.MESSAGE, 2)
  t.is(peer.phone.read(ADDRESS, payloadOf(second)), 'Hello')
  t.deepEqual(told, [`${PEER} changed`])
  const after = await client.trust.of(PEER)
  t.like(after, { verified: false, changed: false })
  t.not(before?.safetyNumber, after?.safetyNumber)
  t.is(before?.changedAfter, undefined)
  const [shown] = await client.history(PEER)
  t.true(shown !== undefined && (after?.changedAfter ?? Infinity) < shown.order, 'what goes to the new keys is newer')
  await client.close()
})

test('the first message to somebody whose list is known, and who has begun again meanwhile, goes to the new keys', async (t) => {
  const made = await setUp()
  const { client, wire, peer } = made
  const told = watch(made)
  const session = await wire.session(1)
  await client.trust.ask(PEER)
  await peer.beginAgain()
  const sent = ['one', 'two'].map((text) => client.sendText(PEER, text))
  const frames = [await session.nthSent(Kind.MESSAGE), await session.nthSent(Kind.MESSAGE, 2)]
  t.deepEqual(
    frames.map((frame) => [frame.id, peer.phone.read(ADDRESS, payloadOf(frame))]),
    [
      [sent[0]?.id, 'one'],
      [sent[1]?.id, 'two'],
    ],
  )
  t.deepEqual(told, [`${PEER} changed`])
  await client.close()
})

test('keys that the known list does not vouch for are looked up in the newest one', async (t) => {
  const { client, wire, peer } = await setUp()
  const session = await wire.session(1)
  await client.trust.ask(PEER)
  await peer.reinstall()
  client.sendText(PEER, 'Hello')
  t.is(peer.phone.read(ADDRESS, payloadOf(await session.nthSent(Kind.MESSAGE))), 'Hello')
  await client.close()
})

test('keys that not even the newest list vouches for yet are asked for again, and no message fails over it', async (t) => {
  const { client, clock, wire, peer, station, receipts } = await setUp()
  const session = await wire.session(1)
  await client.trust.ask(PEER)
  const old = station.lists.get(PEER) ?? []
  await peer.beginAgain()
  const fresh = station.lists.get(PEER) ?? []
  // The server has the keys already, and not the list yet.
  station.lists.set(PEER, old)
  client.sendText(PEER, 'Hello')
  await waitUntil('the list was looked at', () => station.count('lists', PEER) >= 2)
  await client.chats()
  await client.chats()
  t.deepEqual([session.sent(Kind.MESSAGE).length, receipts.length], [0, 0])
  station.lists.set(PEER, fresh)
  await waitUntil('it goes', () => {
    clock.advance(1_000)
    return session.sent(Kind.MESSAGE).length > 0
  })
  t.is(peer.phone.read(ADDRESS, payloadOf(await session.nthSent(Kind.MESSAGE))), 'Hello')
  await client.close()
})

test('somebody who was verified and has other keys gets nothing before the person decides, whatever the policy', async (t) => {
  const store = lasting(memoryStore())
  const world = await newWorld()
  const made = await setUp({ store }, world)
  const { client, wire, peer } = made
  const told = watch(made)
  const blocked: string[] = []
  client.on('blocked', ({ reason }) => blocked.push(reason))
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  await client.trust.setVerified(PEER, true)
  await peer.beginAgain()
  session.say(refused(message.id, stale))
  await waitUntil('it waits', () => blocked.length === 1)
  t.like(await client.trust.of(PEER), { verified: false, changed: true })
  // Still other keys do not make it good.
  await peer.beginAgain()
  session.say(hint(1, { identityChanged: { user: String(PEER) } }))
  await waitUntil('both changes are told', () => told.length === 2)
  client.sendText(PEER, 'later')
  await client.chats()
  await client.chats()
  t.is(session.sent(Kind.MESSAGE).length, 1)
  t.like(await client.trust.of(PEER), { verified: false, changed: true })
  await client.close()
  const again = await setUp({ store }, world)
  const next = await again.wire.session(1)
  again.client.sendText(PEER, 'last')
  await next.nthSent(Kind.MESSAGE)
  next.say(refused(message.id, stale))
  await again.client.chats()
  await again.client.chats()
  t.is(next.sent(Kind.MESSAGE).length, 1)
  await again.client.trust.accept(PEER)
  const sent = [2, 3, 4].map((number) => next.nthSent(Kind.MESSAGE, number))
  t.deepEqual(
    (await Promise.all(sent)).map((frame) => peer.phone.read(ADDRESS, payloadOf(frame))),
    ['Hello', 'later', 'last'],
  )
  await again.client.close()
})

test('a pin of somebody verified, from a backup, holds against other keys in the same way', async (t) => {
  const store = memoryStore()
  const world = await newWorld()
  await store.transaction(async (transaction) =>
    writePin(transaction, PEER, { accountKey: encodeBase64(world.peer.accountKey), verified: true, hosted: false }),
  )
  await world.peer.beginAgain()
  const { client, wire } = await setUp({ store }, world)
  const blocked: string[] = []
  client.on('blocked', ({ reason }) => blocked.push(reason))
  const session = await wire.session(1)
  client.sendText(PEER, 'Hello')
  await waitUntil('it waits', () => blocked.length === 1)
  t.deepEqual([blocked, session.sent(Kind.MESSAGE).length], [['IDENTITY_CHANGED'], 0])
  await client.close()
})

test('a list of the own user under another account key is never taken', async (t) => {
  const store = memoryStore()
  const made = await setUp({ store })
  const { client, wire, station } = made
  const told = watch(made)
  const session = await wire.session(1)
  const before = (await client.trust.of(ME))?.safetyNumber
  const impostor = await Peer.create(new KeyStation(), ME, 2)
  station.lists.set(ME, [impostor.list])
  station.certificates.set(
    ME,
    [1, 2].map((device) => impostor.device(device).certificate),
  )
  const asked = station.count('lists', ME)
  session.say(hint(1, { devicesChanged: { user: String(ME) } }))
  await waitUntil('the list was looked at', () => station.count('lists', ME) > asked)
  await client.chats()
  client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  await client.chats()
  t.deepEqual(
    session.all('send').map(({ to }) => to),
    [PEER],
  )
  t.is((await client.trust.of(ME))?.safetyNumber, before)
  t.deepEqual(told, [])
  await client.close()
})

test('with identityChanges "ask" nothing is sent to another account key before the user has accepted it', async (t) => {
  const store = lasting(memoryStore())
  const world = await newWorld()
  const made = await setUp({ identityChanges: 'ask', store }, world)
  const { client, wire, peer, shown } = made
  const told = watch(made)
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'Hello')
  const first = await session.nthSent(Kind.MESSAGE)
  await peer.beginAgain()
  session.say(refused(message.id, stale))
  await waitUntil('the change is told', () => told.length === 1)
  t.like(await client.trust.of(PEER), { changed: true })
  const sends = session.all('send').length
  client.sendText(PEER, 'later')
  client.typing(PEER)
  // What comes from it is shown, and nothing is answered: no session, no acknowledgement, no resend.
  const request = await peer.phone.retry(ADDRESS, message.id, new Uint8Array(32).fill(9))
  session.say(
    { type: 'deliver', seq: 1, envelope: envelopeOf(1, phone, peer.phone.text(ADDRESS, uuid(1), 'It is me')) },
    { type: 'deliver', seq: 2, envelope: { ...envelopeOf(2, phone, request), kind: Kind.DEVICE_EVENT } },
  )
  await waitUntil('it is shown', () => shown.length === 1)
  await waitUntil('all is stored', () => session.all('ack').at(-1)?.upTo === 2)
  await client.chats()
  t.deepEqual([session.all('send').length, session.all('signal').length], [sends, 0])
  await client.close()

  // A restart decides nothing.
  const again = await setUp({ identityChanges: 'ask', store }, world)
  const next = await again.wire.session(1)
  again.client.sendText(PEER, 'last')
  // What was encrypted for the old keys can only go to them.
  t.deepEqual((await next.nthSent(Kind.MESSAGE)).copies, first.copies)
  next.say(refused(message.id, stale))
  await again.client.chats()
  await again.client.chats()
  t.is(next.all('send').length, 1)
  await again.client.trust.accept(PEER)
  const sent = [2, 3, 4].map((number) => next.nthSent(Kind.MESSAGE, number))
  t.deepEqual(
    (await Promise.all(sent)).map((frame) => peer.phone.read(ADDRESS, payloadOf(frame))),
    ['Hello', 'later', 'last'],
  )
  t.like(await again.client.trust.of(PEER), { changed: false, verified: false })
  await again.client.close()
})

test('a message that waits for the user is not stuck behind one that the server answered meanwhile', async (t) => {
  const made = await setUp({ identityChanges: 'ask' })
  const { client, wire, peer } = made
  const told = watch(made)
  const session = await wire.session(1)
  const message = client.sendText(PEER, 'one')
  await session.nthSent(Kind.MESSAGE)
  await peer.beginAgain()
  session.say(hint(1, { identityChanged: { user: String(PEER) } }))
  await waitUntil('the change is told', () => told.length === 1)
  client.sendText(PEER, 'two')
  await client.chats()
  session.say(accepted(message))
  await client.whenAccepted(message)
  t.is(session.sent(Kind.MESSAGE).length, 1)
  await client.trust.accept(PEER)
  t.is(peer.phone.read(ADDRESS, payloadOf(await session.nthSent(Kind.MESSAGE, 2))), 'two')
  await client.close()
})

test('two device lists of one epoch stop everything to the user and are told', async (t) => {
  const made = await setUp()
  const { client, wire, peer } = made
  const told = watch(made)
  const session = await wire.session(1)
  await peer.change(1)
  peer.publishList()
  const first = client.sendText(PEER, 'Hello')
  await session.nthSent(Kind.MESSAGE)
  session.say(accepted(first))
  await client.whenAccepted(first)
  // Another list of the same epoch, under the same account key.
  await peer.fork()
  session.say(hint(1, { devicesChanged: { user: String(PEER) } }))
  await waitUntil('it is told', () => told.length === 1)
  t.deepEqual(told, [`${PEER} forked`])
  t.like(await client.trust.of(PEER), { forked: true })
  client.sendText(PEER, 'nothing')
  await client.chats()
  await client.chats()
  t.is(session.sent(Kind.MESSAGE).length, 1)
  await client.close()
})

test('a peer who tells of another list than the one that is known stops everything to them, and it is told', async (t) => {
  const made = await setUp()
  const { client, wire, peer, shown, deliver } = made
  const told = watch(made)
  const session = await wire.session(1)
  session.say(deliver(1))
  await waitUntil('it is shown', () => shown.length === 1)
  const myList = { epoch: 1, hash: new Uint8Array(16).fill(7) }
  const content = { ...contentFor(ME, { type: 'text', text: 'Hi' }, uuid(2)), myList }
  session.say(deliver(2, 2, { payload: peer.phone.seal(ADDRESS, content) }))
  await waitUntil('it is shown', () => shown.length === 2)
  t.like(await client.trust.of(PEER), { forked: true })
  await waitUntil('it is told', () => told.length === 1)
  t.deepEqual(told, [`${PEER} forked`])
  await client.close()
})

test('a newer list that a peer tells of is fetched before the next message', async (t) => {
  const { client, wire, peer, station, shown, deliver } = await setUp()
  const session = await wire.session(1)
  session.say(deliver(1))
  await waitUntil('it is shown', () => shown.length === 1)
  await peer.change(1, 2)
  peer.publishList()
  const before = station.count('lists', PEER)
  session.say(deliver(2))
  await waitUntil('it is shown', () => shown.length === 2)
  client.sendText(PEER, 'to both')
  t.is((await session.nthSent(Kind.MESSAGE)).copies.length, 2)
  t.is(station.count('lists', PEER), before + 1)
  await client.close()
})

for (const [what, damage] of [
  ['a device that the account did not sign', 'unsigned'],
  ['an older list', 'older'],
  ['a gap', 'gap'],
] as const) {
  test(`nothing is encrypted by a list with ${what}`, async (t) => {
    const store = memoryStore()
    const made = await setUp({ store })
    const { client, wire, peer, station } = made
    const session = await wire.session(1)
    await peer.change(1)
    peer.publishList()
    const first = client.sendText(PEER, 'Hello')
    await session.nthSent(Kind.MESSAGE)
    session.say(accepted(first))
    await client.whenAccepted(first)
    const good = station.lists.get(PEER) ?? []
    if (damage === 'older') station.lists.set(PEER, good.slice(0, 1))
    else {
      if (damage === 'gap') await peer.change(1, 2)
      await peer.change(1, 2, 3)
      const bytes = Uint8Array.from(peer.list)
      if (damage === 'unsigned') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      station.lists.set(PEER, [...good, bytes])
    }
    const before = await recordsOf(store)
    const asked = station.count('lists', PEER)
    session.say(hint(1, { devicesChanged: { user: String(PEER) } }))
    await waitUntil('the server was asked', () => station.count('lists', PEER) > asked)
    await client.chats()
    t.deepEqual(differences(before, await recordsOf(store)), [])
    client.sendText(PEER, 'still to one')
    t.is((await session.nthSent(Kind.MESSAGE, 2)).copies.length, 1)
    await client.close()
  })
}

test('somebody who has no keys for any device gets no message, and the sender is told', async (t) => {
  const { client, wire, station, peer } = await setUp()
  const session = await wire.session(1)
  station.clear(phone)
  await t.throwsAsync(client.whenAccepted(client.sendText(PEER, 'Hello')), { code: 'NO_KEYS' })
  await peer.phone.publishKeys()
  const next = client.sendText(PEER, 'Hello again')
  t.is(peer.phone.read(ADDRESS, payloadOf(await session.nthSent(Kind.MESSAGE))), 'Hello again')
  // The only device is gone, says the server: a message that goes to nobody is not accepted.
  session.say(refused(next.id, { missing: [], extra: [1], stale: [] }))
  await t.throwsAsync(client.whenAccepted(next), { code: 'NO_KEYS' })
  t.is((await client.history(PEER)).map(contentOf).length, 2)
  await client.close()
})

for (const { decision, told, known } of [
  { decision: 'compared', told: { verified: true, accepted: false }, known: { verified: true, changed: false } },
  { decision: 'accepted', told: { verified: false, accepted: true }, known: { verified: false, changed: false } },
]) {
  test(`a key that was ${decision} on another device is so here when it comes, and any other waits for the person`, async (t) => {
    for (const isAnother of [false, true]) {
      const store = lasting(memoryStore())
      const world = await newWorld()
      const { client, wire, peer } = await setUp({ store, identityChanges: 'ask' }, world)
      const session = await wire.session(1)
      await client.trust.ask(PEER)
      await peer.beginAgain()
      const { accountKey } = peer
      await store.transaction((transaction) =>
        takeTrustSync(transaction, { type: 'trustSync', user: PEER, accountKey, ...told }, new Arrival()),
      )
      if (isAnother) await peer.beginAgain()
      const changes = watch({ client } as Setup)
      client.sendText(PEER, 'Hello')
      await waitUntil('the change is told', () => changes.length === 1)
      t.like(await client.trust.of(PEER), isAnother ? { verified: false, changed: true } : known)
      if (isAnother) t.is(session.sent(Kind.MESSAGE).length, 0)
      else t.is(peer.phone.read(ADDRESS, payloadOf(await session.nthSent(Kind.MESSAGE))), 'Hello')
      await client.close()
    }
  })
}
