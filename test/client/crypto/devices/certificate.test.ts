import test from 'ava'
import fc from 'fast-check'
import { certify, signAsDevice, verifyAsDevice, verifyCert } from '../../../../client/crypto/devices/certificate.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { decodeDeviceCert, encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import type { DeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { bytes, flip } from '../helpers/bytes.ts'
import { firstDevice, makePerson, NOW, primitives } from '../helpers/people.ts'

const alice = await makePerson(15550000001, 2)
const bob = await makePerson(15550000002)
const device = firstDevice(alice)
const { cert } = device

async function refused(code: string, cert: DeviceCert): Promise<boolean> {
  try {
    await verifyCert(primitives, cert)
    return false
  } catch (error) {
    return error instanceof CryptoError && error.code === code
  }
}

test('a certificate that the account and the device signed is good, and any of its bits counts', async (t) => {
  await t.notThrowsAsync(verifyCert(primitives, cert))
  const encoded = encodeDeviceCert(cert)
  await fc.assert(
    fc.asyncProperty(fc.nat(encoded.length * 8 - 1), async (bit) => {
      try {
        await verifyCert(primitives, decodeDeviceCert(flip(encoded, bit)))
        return false
      } catch (error) {
        return error instanceof CryptoError
      }
    }),
    { numRuns: 300 },
  )
})

test('a certificate whose hosted mark was set or cleared is refused', async (t) => {
  t.true(await refused('BAD_SIGNATURE', { ...cert, hosted: true }))
  const body = { ...cert, hosted: true }
  const hosted = await certify(primitives, body, await signAsDevice(primitives, body, device.signing), alice.account)
  await t.notThrowsAsync(verifyCert(primitives, hosted))
  t.true(await refused('BAD_SIGNATURE', { ...hosted, hosted: false }))
})

test('neither signature passes for the other, nor for another device or account', async (t) => {
  const other = alice.devices[1]?.cert as DeviceCert
  const { accountSignature, deviceSignature } = cert
  t.true(await refused('BAD_SIGNATURE', { ...cert, accountSignature: deviceSignature }))
  t.true(await refused('BAD_SIGNATURE', { ...cert, deviceSignature: accountSignature }))
  t.true(await refused('BAD_SIGNATURE', { ...cert, accountSignature: other.accountSignature }))
  t.true(await refused('BAD_SIGNATURE', { ...cert, address: other.address }))
  t.true(await refused('BAD_SIGNATURE', { ...cert, address: { ...cert.address, user: bob.user } }))
  t.true(await refused('BAD_SIGNATURE', { ...cert, identity: { ...cert.identity, accountKey: bob.account.publicKey } }))
})

test('one key as both the account and the device signs each in its own domain', async (t) => {
  const body = { ...cert, identity: { ...cert.identity, signingKey: alice.account.publicKey } }
  const signature = await signAsDevice(primitives, body, alice.account)
  const both = await certify(primitives, body, signature, alice.account)
  await t.notThrowsAsync(verifyCert(primitives, both))
  t.true(await refused('BAD_SIGNATURE', { ...both, accountSignature: signature }))
})

test('the account certifies nobody who did not sign', async (t) => {
  const body = { ...cert, registrationId: cert.registrationId ^ 1 }
  await t.throwsAsync(verifyAsDevice(primitives, body, cert.deviceSignature), { code: 'BAD_SIGNATURE' })
  await t.notThrowsAsync(verifyAsDevice(primitives, cert, cert.deviceSignature))
})

test('an agreement key that is not canonical is not certified', async (t) => {
  const identity = { ...cert.identity, agreementKey: bytes(`ed${'ff'.repeat(30)}7f`) }
  const body = { ...cert, identity, createdMs: NOW }
  const odd = await certify(primitives, body, await signAsDevice(primitives, body, device.signing), alice.account)
  t.true(await refused('MALFORMED', odd))
})
