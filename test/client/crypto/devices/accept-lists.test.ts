import test from 'ava'
import type { ExecutionContext } from 'ava'
import { acceptLists, decodeLink, DeviceListForkError } from '../../../../client/crypto/devices/accept-lists.ts'
import type { PinnedAccount } from '../../../../client/crypto/devices/accept-lists.ts'
import { listedDevice, signNextList, verifyList } from '../../../../client/crypto/devices/device-list.ts'
import type { CryptoErrorCode } from '../../../../client/crypto/errors.ts'
import { encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList, listBody } from '../../../../client/crypto/wire/device-list.ts'
import type { DeviceList, ListBody } from '../../../../client/crypto/wire/device-list.ts'
import { flip } from '../helpers/bytes.ts'
import { makePerson, NOW, primitives } from '../helpers/people.ts'

const DAY_MS = 86_400_000

const alice = await makePerson(15550000001, 2)
const entries = alice.devices.map(({ cert }) => listedDevice(encodeDeviceCert(cert)))
const chain = await makeChain(5)

/** A list for each of some weeks. */
async function makeChain(count: number, startMs = NOW): Promise<readonly Uint8Array[]> {
  const made: Uint8Array[] = []
  for (let i = 0; i < count; i++) made.push(await nextOf(made.at(-1), startMs + i * 7 * DAY_MS))
  return made
}

async function nextOf(previous: Uint8Array | undefined, nowMs: number, account = alice.account): Promise<Uint8Array> {
  const tip = previous === undefined ? undefined : decodeLink(previous)
  return encodeDeviceList(await signNextList(primitives, account, alice.user, tip, entries, nowMs))
}

/** A list as only the owner of the account key can make it, breaking the rules. */
async function sign(body: ListBody): Promise<Uint8Array> {
  const list = { ...body, signature: await primitives.sign('devlist', listBody(body), alice.account) }
  await verifyList(primitives, list)
  return encodeDeviceList(list)
}

function listAt(index: number): Uint8Array {
  return chain[index] as Uint8Array
}

function bodyAt(index: number): DeviceList {
  return decodeLink(listAt(index)).list
}

function pinnedAt(index: number): PinnedAccount {
  const { list, epoch, hash } = decodeLink(listAt(index))
  return { accountKey: list.accountKey, tip: { epoch, hash } }
}

const LATER = NOW + 28 * DAY_MS

function accept(pinned: PinnedAccount | undefined, lists: readonly Uint8Array[], nowMs = LATER) {
  return acceptLists(primitives, alice.user, pinned, lists, nowMs)
}

async function refuses(
  t: ExecutionContext,
  code: CryptoErrorCode,
  pinned: PinnedAccount | undefined,
  lists: readonly Uint8Array[],
  nowMs = LATER,
): Promise<void> {
  await t.throwsAsync(accept(pinned, lists, nowMs), { code })
}

test('at the first contact a chain is trusted from wherever it begins', async (t) => {
  for (const from of [0, 2, 4]) {
    const accepted = await accept(undefined, chain.slice(from))
    t.is(accepted.epoch, 5)
    t.deepEqual(accepted.bytes, listAt(4))
    t.deepEqual(accepted.list, bodyAt(4))
    t.deepEqual(accepted.hash, decodeLink(listAt(4)).hash)
  }
})

test('lists are accepted over the pinned one when they lead on from it', async (t) => {
  for (const from of [0, 1, 2, 3]) t.is((await accept(pinnedAt(2), chain.slice(from))).epoch, 5)
  t.is((await accept(pinnedAt(4), chain.slice(4))).epoch, 5)
  t.is((await accept({ accountKey: alice.account.publicKey }, chain.slice(3))).epoch, 5)
})

test('a gap in the chain asks for the lists between', async (t) => {
  await refuses(t, 'STALE_DEVICE_LIST', pinnedAt(0), chain.slice(2))
  await refuses(t, 'STALE_DEVICE_LIST', undefined, [listAt(0), listAt(2)])
  await refuses(t, 'STALE_DEVICE_LIST', pinnedAt(0), [])
})

test('an older list than the pinned one is not taken', async (t) => {
  await refuses(t, 'STALE_DEVICE_LIST', pinnedAt(4), chain.slice(0, 4))
  await refuses(t, 'MALFORMED', pinnedAt(0), [listAt(2), listAt(1)])
  await refuses(t, 'MALFORMED', pinnedAt(0), [listAt(1), listAt(1)])
})

test('two signed lists of one epoch are a fork, and both are kept', async (t) => {
  const other = await sign({ ...bodyAt(3), devices: bodyAt(3).devices.slice(1) })
  const pinned = await t.throwsAsync(accept(pinnedAt(3), [other]), { instanceOf: DeviceListForkError })
  t.is(pinned.code, 'DEVICE_LIST_FORK')
  t.deepEqual(pinned.evidence, [other])
  const shown = await t.throwsAsync(accept(undefined, [listAt(3), other]), { instanceOf: DeviceListForkError })
  t.deepEqual(shown.evidence, [listAt(3), other])
  const led = await t.throwsAsync(accept(pinnedAt(3), [other, await nextOf(other, LATER)]), {
    instanceOf: DeviceListForkError,
  })
  t.deepEqual(led.evidence, [other])
})

test('a signed list that follows another one than is known is a fork', async (t) => {
  const other = await sign({ ...bodyAt(3), devices: bodyAt(3).devices.slice(1) })
  const next = await nextOf(other, LATER)
  await refuses(t, 'DEVICE_LIST_FORK', pinnedAt(3), [next])
  const both = await t.throwsAsync(accept(pinnedAt(2), [listAt(3), next]), { instanceOf: DeviceListForkError })
  t.deepEqual(both.evidence, [listAt(3), next])
})

test('an unsigned list is no fork: nobody but the account can raise that alarm', async (t) => {
  const forged = encodeDeviceList({ ...bodyAt(3), devices: bodyAt(3).devices.slice(1) })
  await refuses(t, 'BAD_SIGNATURE', pinnedAt(3), [forged])
  await refuses(t, 'BAD_SIGNATURE', undefined, [forged])
  await refuses(t, 'BAD_SIGNATURE', pinnedAt(2), [listAt(3), flip(listAt(4), (listAt(4).length - 1) * 8)])
})

test('a list in the middle counts as much as the newest', async (t) => {
  const forged = encodeDeviceList({ ...bodyAt(3), createdMs: 1 })
  await refuses(t, 'BAD_SIGNATURE', pinnedAt(2), [forged, listAt(4)])
})

test('a list under another account key is a changed identity, if that key signed it', async (t) => {
  const account = primitives.generateSigning()
  const renewed = await nextOf(undefined, LATER, account)
  await refuses(t, 'IDENTITY_CHANGED', pinnedAt(4), [renewed])
  await refuses(t, 'IDENTITY_CHANGED', { accountKey: alice.account.publicKey }, [renewed])
  t.is((await accept(undefined, [renewed])).epoch, 1)
  const forged = encodeDeviceList({ ...bodyAt(4), accountKey: account.publicKey })
  await refuses(t, 'BAD_SIGNATURE', pinnedAt(4), [forged])
})

test("another user's list is refused", async (t) => {
  const other = await makePerson(15550000002)
  await refuses(t, 'MALFORMED', undefined, [encodeDeviceList(other.list)])
})

test('only the newest is judged by the clock', async (t) => {
  const early = await sign({ ...bodyAt(0), createdMs: NOW + 900 * DAY_MS, expiresMs: NOW + 990 * DAY_MS })
  t.is((await accept(undefined, [early, await nextOf(early, LATER)])).epoch, 2)
  await refuses(t, 'MALFORMED', undefined, [early])
})

test('the newest is at most a day ahead, and for 30 days', async (t) => {
  const at = (createdMs: number, lifetimeMs: number) =>
    sign({ ...bodyAt(0), createdMs, expiresMs: createdMs + lifetimeMs })
  t.is((await accept(undefined, [await at(LATER + DAY_MS, 30 * DAY_MS)])).epoch, 1)
  await refuses(t, 'MALFORMED', undefined, [await at(LATER + DAY_MS + 1, 30 * DAY_MS)])
  await refuses(t, 'MALFORMED', undefined, [await at(LATER, 30 * DAY_MS + 1)])
  await refuses(t, 'MALFORMED', undefined, [await at(LATER, -1)])
})

test('an expired list is accepted, and the pinned one is not judged again', async (t) => {
  t.is((await accept(undefined, chain, NOW + 900 * DAY_MS)).epoch, 5)
  t.is((await accept(pinnedAt(4), [listAt(4)], NOW - 900 * DAY_MS)).epoch, 5)
  await refuses(t, 'MALFORMED', pinnedAt(3), [listAt(4)], NOW - 900 * DAY_MS)
})
