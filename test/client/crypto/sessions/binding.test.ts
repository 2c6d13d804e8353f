import test from 'ava'
import { decodePreKeyMessage, joinPreKeyMessage } from '../../../../client/crypto/wire/pre-key-message.ts'
import { encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList } from '../../../../client/crypto/wire/device-list.ts'
import { Endpoint, twoEndpoints } from '../helpers/endpoint.ts'
import { makePerson, primitives } from '../helpers/people.ts'
import { refusal } from '../helpers/refusal.ts'
import { sealFor, startSession } from '../../../../client/crypto/sessions/send.ts'
import { EMPTY_RECORD } from '../../../../client/crypto/sessions/session-record.ts'
import { openFrom } from '../../../../client/crypto/sessions/receive.ts'
import { ascii } from '../helpers/bytes.ts'
import { certHash } from '../../../../client/crypto/wire/device-cert.ts'

test('what was sent to somebody who shows the keys of another does not open there', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const mallory = await Endpoint.create(15_550_000_003)
  const bundle = bob.bundle()
  const cert = {
    ...mallory.device.cert,
    identity: { ...mallory.device.cert.identity, agreementKey: bob.own.identity.agreementKey },
  }
  const stolen = { ...bundle, cert, certHash: certHash(encodeDeviceCert(cert)) }
  const send = (shown: typeof bundle): Uint8Array => {
    const record = startSession(primitives, EMPTY_RECORD, alice.own, shown, alice.nowMs)
    return sealFor(record, ascii('for Mallory'), alice.own.list).payload
  }
  const before = bob.snapshot()
  t.is(
    refusal(() => bob.open(alice, send(stolen))),
    'BAD_TAG',
  )
  t.is(bob.snapshot(), before)
  t.is(bob.read(alice, send(bundle)), 'for Mallory')
})

test('a message does not come back as an answer, nor from another device', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const carol = await Endpoint.create(15_550_000_003)
  const first = alice.send(bob, 'hello')
  t.is(
    refusal(() => alice.open(bob, first)),
    'MALFORMED',
  )
  t.is(
    refusal(() => bob.open(carol, first)),
    'MALFORMED',
  )
  t.is(bob.read(alice, first), 'hello')
  const answer = bob.send(alice, 'hello to you')
  t.is(
    refusal(() => bob.open(alice, answer)),
    'BAD_TAG',
  )
  t.is(
    refusal(() => carol.open(bob, answer)),
    'NO_SESSION',
  )
  t.is(
    refusal(() => alice.open(carol, answer)),
    'NO_SESSION',
  )
  t.is(alice.read(bob, answer), 'hello to you')
})

test('a message loses no header, and gets none', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const first = alice.send(bob, 'hello')
  t.is(bob.read(alice, first), 'hello')
  const second = alice.send(bob, 'with its header')
  t.is(
    refusal(() => bob.open(alice, decodePreKeyMessage(second).message)),
    'BAD_TAG',
  )
  t.is(bob.read(alice, second), 'with its header')
  t.is(alice.read(bob, bob.send(alice, 'yes')), 'yes')
  const bare = alice.send(bob, 'without one')
  t.is(
    refusal(() => bob.open(alice, joinPreKeyMessage(first.slice(0, 1_426), bare))),
    'BAD_TAG',
  )
  t.is(bob.read(alice, bare), 'without one')
})

test('two accounts with the same keys do not get what is meant for each other', async (t) => {
  const alice = await Endpoint.create(15_550_000_001)
  const person = await makePerson(15_550_000_002)
  const [device] = person.devices
  if (device === undefined) throw new Error('A person without a device')
  const bob = Endpoint.of(person)
  const address = { user: 15_550_000_003, device: 1 }
  const twin = new Endpoint({ ...device, address, cert: { ...device.cert, address } }, encodeDeviceList(person.list))
  for (const pool of ['signedPreKeys', 'oneTimePreKeys', 'kemPreKeys', 'kemOneTimePreKeys'] as const) twin[pool].clear()
  const payload = alice.send(bob, 'for Bob')
  for (const [id, keys] of bob.signedPreKeys) twin.signedPreKeys.set(id, keys)
  for (const [id, keys] of bob.oneTimePreKeys) twin.oneTimePreKeys.set(id, keys)
  for (const [id, keys] of bob.kemOneTimePreKeys) twin.kemOneTimePreKeys.set(id, keys)
  t.is(
    refusal(() => twin.open(alice, payload)),
    'BAD_TAG',
  )
  t.is(bob.read(alice, payload), 'for Bob')
})

for (const choice of [
  { oneTime: true, kemOneTime: true },
  { oneTime: false, kemOneTime: true },
  { oneTime: true, kemOneTime: false },
])
  test(`a first message that used up a one-time key starts no second session: ${JSON.stringify(choice)}`, async (t) => {
    const [alice, bob] = await twoEndpoints()
    const first = alice.send(bob, 'pay ten', choice)
    const opened = bob.open(alice, first)
    t.is(opened.consumed?.baseKey, undefined)
    t.is(
      refusal(() => bob.open(alice, first)),
      'DUPLICATE',
    )
    bob.records.clear()
    t.is(
      refusal(() => bob.open(alice, first)),
      'UNKNOWN_PRE_KEY',
    )
  })

test('a first message that used up nothing is remembered by its base key', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const first = alice.send(bob, 'pay ten', { oneTime: false, kemOneTime: false })
  t.is(bob.read(alice, first), 'pay ten')
  t.is(
    refusal(() => bob.open(alice, first)),
    'DUPLICATE',
  )
  bob.records.clear()
  const before = bob.snapshot()
  t.is(
    refusal(() => bob.open(alice, first)),
    'REUSED_BASE_KEY',
  )
  t.is(bob.snapshot(), before)
  bob.seenBaseKeys.clear()
  t.is(bob.read(alice, first), 'pay ten', 'without the memory it would open again')
})

test('pre-keys other than those that the header names are not tried', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const payload = alice.send(bob, 'hello')
  const [kem] = bob.kemOneTimePreKeys.values()
  const [signed] = bob.signedPreKeys.values()
  if (kem === undefined || signed === undefined) throw new Error('No pre-keys')
  const incoming = { from: alice.own.address, payload, nowMs: bob.nowMs }
  const named = { signedPreKey: { id: 1, keys: signed }, kemPreKey: { id: 3, oneTime: true, keys: kem } }
  t.is(
    refusal(() => openFrom(primitives, EMPTY_RECORD, bob.own, incoming, named)),
    'UNKNOWN_PRE_KEY',
  )
  t.is(
    refusal(() => openFrom(primitives, EMPTY_RECORD, bob.own, incoming)),
    'UNKNOWN_PRE_KEY',
  )
  t.is(bob.read(alice, payload), 'hello')
})
