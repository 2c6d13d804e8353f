import test from 'ava'
import { ZERO_32 } from '../../../../client/crypto/bytes.ts'
import {
  checkCert,
  isExpired,
  isRefreshDue,
  listedDevice,
  requireUsable,
  signNextList,
  usableDevices,
  verifyList,
} from '../../../../client/crypto/devices/device-list.ts'
import { encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import type { DeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { decodeDeviceList, encodeDeviceList, listHash } from '../../../../client/crypto/wire/device-list.ts'
import { flip } from '../helpers/bytes.ts'
import { firstDevice, makeDevice, makePerson, NOW, primitives, withDevices } from '../helpers/people.ts'

const DAY_MS = 86_400_000

const alice = await makePerson(15550000001, 3)
const bob = await makePerson(15550000002)
const certBytes = encodeDeviceCert(firstDevice(alice).cert)

test('lists follow each other, with the devices in order', async (t) => {
  const entries = alice.devices.map(({ cert }) => listedDevice(encodeDeviceCert(cert)))
  const sign = (tip?: { epoch: number; hash: Uint8Array }) =>
    signNextList(primitives, alice.account, alice.user, tip, entries.toReversed(), NOW)
  const first = await sign()
  t.is(first.epoch, 1)
  t.deepEqual(first.previousHash, ZERO_32)
  t.is(first.expiresMs - first.createdMs, 30 * DAY_MS)
  t.deepEqual(
    first.devices.map(({ device }) => device),
    [1, 2, 3],
  )
  const encoded = encodeDeviceList(first)
  t.deepEqual(decodeDeviceList(encoded), first)
  const second = await sign({ epoch: 1, hash: listHash(encoded) })
  t.is(second.epoch, 2)
  t.deepEqual(second.previousHash, listHash(encoded))
  await t.notThrowsAsync(verifyList(primitives, second))
})

test('a list with a device that the account did not sign is refused', async (t) => {
  const ghost = { ...(alice.list.devices[0] as (typeof alice.list.devices)[0]), device: 7 }
  const more = { ...alice.list, devices: [...alice.list.devices, ghost] }
  const fewer = { ...alice.list, devices: alice.list.devices.slice(1) }
  const ours = { ...alice.list, accountKey: bob.account.publicKey }
  await t.notThrowsAsync(verifyList(primitives, alice.list))
  for (const list of [more, fewer, ours, { ...alice.list, expiresMs: alice.list.expiresMs + 1 }])
    await t.throwsAsync(verifyList(primitives, list), { code: 'BAD_SIGNATURE' })
})

test('a certificate stands in the list of its account with its hash', async (t) => {
  t.deepEqual(await checkCert(primitives, alice.list, certBytes), firstDevice(alice).cert)
  await t.throwsAsync(checkCert(primitives, bob.list, certBytes), { code: 'MALFORMED' })
  await t.throwsAsync(checkCert(primitives, alice.list, flip(certBytes, 250 * 8)), { code: 'BAD_SIGNATURE' })
})

test('a second certificate of a device, though signed, is not the listed one', async (t) => {
  const again = await makeDevice(alice.account, firstDevice(alice).address)
  const sameRegistration = encodeDeviceCert(again.cert)
  await t.throwsAsync(checkCert(primitives, alice.list, sameRegistration), { code: 'STALE_DEVICE_LIST' })
  const { registrationId } = firstDevice(alice).cert
  const list = {
    ...alice.list,
    devices: [{ ...listedDevice(sameRegistration), certHash: listedDevice(certBytes).certHash }],
  }
  t.not(again.cert.registrationId, registrationId)
  await t.throwsAsync(checkCert(primitives, list, sameRegistration), { code: 'BAD_SIGNATURE' })
  const renewed = await withDevices(alice, [again])
  await t.notThrowsAsync(checkCert(primitives, renewed.list, sameRegistration))
  await t.throwsAsync(checkCert(primitives, renewed.list, certBytes), { code: 'STALE_DEVICE_LIST' })
})

test('a device that the list lacks needs a newer list', async (t) => {
  const fewer = await withDevices(alice, alice.devices.slice(1))
  await t.throwsAsync(checkCert(primitives, fewer.list, certBytes), { code: 'STALE_DEVICE_LIST' })
})

test('a certificate under another account key is a changed identity', async (t) => {
  const reinstalled = await makePerson(alice.user)
  const other = encodeDeviceCert(firstDevice(reinstalled).cert)
  await t.throwsAsync(checkCert(primitives, alice.list, other), { code: 'IDENTITY_CHANGED' })
  const forged: DeviceCert = { ...firstDevice(reinstalled).cert, accountSignature: new Uint8Array(64) }
  await t.throwsAsync(checkCert(primitives, alice.list, encodeDeviceCert(forged)), { code: 'BAD_SIGNATURE' })
})

test('of an expired list the primary alone stays usable', (t) => {
  const { list } = alice
  const after = list.expiresMs + 1
  t.false(isExpired(list, list.expiresMs))
  t.is(usableDevices(list, list.expiresMs).length, 3)
  t.is(requireUsable(list, 2, list.expiresMs).device, 2)
  t.true(isExpired(list, after))
  t.deepEqual(
    usableDevices(list, after).map(({ device }) => device),
    [1],
  )
  t.is(requireUsable(list, 1, after).device, 1)
  t.throws(() => requireUsable(list, 2, after), { code: 'STALE_DEVICE_LIST' })
  t.throws(() => requireUsable(list, 4, NOW), { code: 'STALE_DEVICE_LIST' })
})

test('a list is signed anew after seven days', (t) => {
  t.false(isRefreshDue(alice.list, NOW + 7 * DAY_MS - 1))
  t.true(isRefreshDue(alice.list, NOW + 7 * DAY_MS))
})
