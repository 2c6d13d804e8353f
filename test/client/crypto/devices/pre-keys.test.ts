import test from 'ava'
import { signKemPreKey, signPreKey, verifyKemPreKey, verifyPreKey } from '../../../../client/crypto/devices/pre-keys.ts'
import type { SeenPreKey } from '../../../../client/crypto/devices/pre-keys.ts'
import { generateKem } from '../../../../client/crypto/primitives/kem.ts'
import { KemKind, signedPreKeyBody } from '../../../../client/crypto/wire/pre-keys.ts'
import type { SignedPreKey } from '../../../../client/crypto/wire/pre-keys.ts'
import { flip } from '../helpers/bytes.ts'
import { firstDevice, makePerson, NOW, primitives } from '../helpers/people.ts'
import type { TestDevice } from '../helpers/people.ts'

const alice = await makePerson(15550000001, 2)
const [device, other] = alice.devices as [TestDevice, TestDevice]
const stranger = firstDevice(await makePerson(15550000002))
const { publicKey } = primitives.generateDh()
const key = await signPreKey(primitives, device.address, device.signing, { id: 7, publicKey, createdMs: NOW })

const kem = { id: 7, publicKey: generateKem().publicKey, createdMs: NOW }
const oneTime = await signKemPreKey(primitives, device.address, device.signing, KemKind.ONE_TIME, kem)

function verify(changed: Partial<SignedPreKey> = {}, cert = device.cert, seen?: SeenPreKey): Promise<void> {
  return verifyPreKey(primitives, cert, { ...key, ...changed }, seen)
}

test('a signed pre-key is good for its device alone, with all that is in it', async (t) => {
  await t.notThrowsAsync(verify())
  t.is(key.suite, 1)
  const changes: Partial<SignedPreKey>[] = [
    { id: 8 },
    { publicKey: flip(publicKey, 1) },
    { createdMs: NOW + 1 },
    { suite: 2 },
    { signature: flip(key.signature, 1) },
  ]
  for (const change of changes) await t.throwsAsync(verify(change), { code: 'BAD_SIGNATURE' })
  for (const { cert } of [other, stranger]) await t.throwsAsync(verify({}, cert), { code: 'BAD_SIGNATURE' })
  // The same signing key under another number: what a server would need to swap the keys of two devices.
  const renamed = { ...device.cert, address: other.address }
  await t.throwsAsync(verify({}, renamed), { code: 'BAD_SIGNATURE' })
})

test('an older signed pre-key, or one of a lower suite, than was seen is refused', async (t) => {
  await t.notThrowsAsync(verify({}, device.cert, { createdMs: NOW, suite: 1 }))
  await t.notThrowsAsync(verify({}, device.cert, { createdMs: NOW - 1, suite: 1 }))
  await t.throwsAsync(verify({}, device.cert, { createdMs: NOW + 1, suite: 1 }), { code: 'NOT_PERMITTED' })
  await t.throwsAsync(verify({}, device.cert, { createdMs: NOW, suite: 2 }), { code: 'NOT_PERMITTED' })
})

test('a KEM pre-key is good for its device, kind and id alone', async (t) => {
  const check = (kind: KemKind, key = oneTime, cert = device.cert) => verifyKemPreKey(primitives, cert, kind, key)
  await t.notThrowsAsync(check(KemKind.ONE_TIME))
  await t.throwsAsync(check(KemKind.LAST_RESORT), { code: 'BAD_SIGNATURE' })
  await t.throwsAsync(check(KemKind.ONE_TIME, { ...oneTime, id: 8 }), { code: 'BAD_SIGNATURE' })
  await t.throwsAsync(check(KemKind.ONE_TIME, { ...oneTime, createdMs: NOW - 1 }), { code: 'BAD_SIGNATURE' })
  for (const { cert } of [other, stranger])
    await t.throwsAsync(check(KemKind.ONE_TIME, oneTime, cert), { code: 'BAD_SIGNATURE' })
  const lastResort = await signKemPreKey(primitives, device.address, device.signing, KemKind.LAST_RESORT, kem)
  await t.notThrowsAsync(check(KemKind.LAST_RESORT, lastResort))
  await t.throwsAsync(check(KemKind.ONE_TIME, lastResort), { code: 'BAD_SIGNATURE' })
})

test('a signature of one purpose is none of another', async (t) => {
  for (const label of ['pqk', 'devcert-dev', 'retry', 'group', 'sp', 'spk\0', '']) {
    const signature = await primitives.sign(label, signedPreKeyBody(device.address, key), device.signing)
    await t.throwsAsync(verify({ signature }), { code: 'BAD_SIGNATURE' }, label)
  }
  const signature = await primitives.sign('spk', signedPreKeyBody(device.address, key), device.signing)
  await t.notThrowsAsync(verify({ signature }))
})
