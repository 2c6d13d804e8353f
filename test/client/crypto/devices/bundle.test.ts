import { createHash } from 'node:crypto'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { concat } from '../../../../client/crypto/bytes.ts'
import { verifyBundle } from '../../../../client/crypto/devices/bundle.ts'
import type { PreKeyBundle } from '../../../../client/crypto/devices/bundle.ts'
import { keyCheck } from '../../../../client/crypto/devices/key-check.ts'
import { signKemPreKey, signPreKey } from '../../../../client/crypto/devices/pre-keys.ts'
import type { SeenPreKey } from '../../../../client/crypto/devices/pre-keys.ts'
import type { CryptoErrorCode } from '../../../../client/crypto/errors.ts'
import { generateKem } from '../../../../client/crypto/primitives/kem.ts'
import { certHash, encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { KemKind } from '../../../../client/crypto/wire/pre-keys.ts'
import { ascii, bytes, flip } from '../helpers/bytes.ts'
import { firstDevice, makePerson, NOW, primitives } from '../helpers/people.ts'
import type { Person, TestDevice } from '../helpers/people.ts'

const alice = firstDevice(await makePerson(15550000001))
const bob = await makePerson(15550000002, 2)
const [phone, laptop] = bob.devices as [TestDevice, TestDevice]

async function makeBundle({ address, signing, cert }: TestDevice, kind: KemKind): Promise<PreKeyBundle> {
  const [signed, kem] = [primitives.generateDh(), generateKem()]
  return {
    cert: encodeDeviceCert(cert),
    signedPreKey: await signPreKey(primitives, address, signing, {
      id: 1,
      publicKey: signed.publicKey,
      createdMs: NOW,
    }),
    oneTimePreKey: { id: 2, publicKey: primitives.generateDh().publicKey },
    kemPreKey: await signKemPreKey(primitives, address, signing, kind, {
      id: 3,
      publicKey: kem.publicKey,
      createdMs: NOW,
    }),
    kemKind: kind,
  }
}

const bundle = await makeBundle(phone, KemKind.ONE_TIME)
const other = await makeBundle(laptop, KemKind.ONE_TIME)

interface Situation {
  readonly own?: TestDevice
  readonly asked?: TestDevice
  readonly person?: Person
  readonly seen?: SeenPreKey
  readonly nowMs?: number
}

function verify(given: PreKeyBundle, { own = alice, asked = phone, person = bob, seen, nowMs = NOW }: Situation = {}) {
  return verifyBundle(primitives, own.cert.identity, asked.address, person.list, given, seen, nowMs)
}

async function refuses(
  t: ExecutionContext,
  code: CryptoErrorCode,
  given: PreKeyBundle,
  situation?: Situation,
): Promise<void> {
  await t.throwsAsync(verify(given, situation), { code })
}

test('a bundle passes with its certificate decoded, with and without a one-time pre-key', async (t) => {
  const verified = await verify(bundle)
  t.deepEqual(verified.cert, phone.cert)
  t.deepEqual(verified.certHash, certHash(bundle.cert))
  t.deepEqual(verified.oneTimePreKey, bundle.oneTimePreKey)
  const { oneTimePreKey: _, ...without } = await makeBundle(laptop, KemKind.LAST_RESORT)
  t.false('oneTimePreKey' in (await verify(without, { asked: laptop })))
})

test('the keys of another device or user than was asked for are refused', async (t) => {
  await t.notThrowsAsync(verify(other, { asked: laptop }))
  await refuses(t, 'MALFORMED', other)
  await refuses(t, 'MALFORMED', await makeBundle(alice, KemKind.ONE_TIME))
})

test('what belongs to another device is refused in every place', async (t) => {
  await refuses(t, 'BAD_SIGNATURE', { ...bundle, signedPreKey: other.signedPreKey })
  await refuses(t, 'BAD_SIGNATURE', { ...bundle, kemPreKey: other.kemPreKey })
  await refuses(t, 'BAD_SIGNATURE', { ...bundle, kemKind: KemKind.LAST_RESORT })
  await refuses(t, 'BAD_SIGNATURE', { ...bundle, cert: flip(bundle.cert, 1_500) })
})

test('the own keys under the name of another are refused', async (t) => {
  await refuses(t, 'MALFORMED', bundle, { own: phone })
  const { identity } = phone.cert
  for (const key of ['signingKey', 'agreementKey'] as const) {
    const mine = { ...alice, cert: { ...alice.cert, identity: { ...alice.cert.identity, [key]: identity[key] } } }
    await refuses(t, 'MALFORMED', bundle, { own: mine })
  }
})

test('the own account has other devices', async (t) => {
  await t.notThrowsAsync(verify(other, { own: phone, asked: laptop }))
})

test('an older pre-key than one seen before is refused', async (t) => {
  await t.notThrowsAsync(verify(bundle, { seen: { createdMs: NOW, suite: 1 } }))
  await refuses(t, 'NOT_PERMITTED', bundle, { seen: { createdMs: NOW + 1, suite: 1 } })
})

test('nothing is encrypted to a companion whose list has expired', async (t) => {
  const nowMs = bob.list.expiresMs + 1
  await t.notThrowsAsync(verify(bundle, { nowMs }))
  await refuses(t, 'STALE_DEVICE_LIST', other, { asked: laptop, nowMs })
})

test('the check of the lasting keys is one hash over all of them', (t) => {
  const { address, identity } = phone.cert
  const expected = createHash('sha256')
    .update(
      concat(
        ascii('Parley-v1/keycheck\0'),
        bytes('000000039eda2b82 00000001'),
        identity.accountKey,
        identity.signingKey,
        identity.agreementKey,
        bytes('00000001 05'),
        bundle.signedPreKey.publicKey,
        bytes('00000003 09'),
        bundle.kemPreKey.publicKey,
      ),
    )
    .digest('hex')
  t.is(Buffer.from(keyCheck(address, identity, bundle.signedPreKey, bundle.kemPreKey)).toString('hex'), expected)
})
