import test from 'ava'
import * as fc from 'fast-check'
import { decodeBase64Url, encodeBase64Url } from '../../../../client/crypto/base64url.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { acceptGrant, answerOffer, showQr } from '../../../../client/crypto/linking/new-device.ts'
import { grantLinking, offerLinking, readRequest } from '../../../../client/crypto/linking/primary.ts'
import type { OfferedDevice } from '../../../../client/crypto/linking/primary.ts'
import { nodeProvider } from '../../../../client/crypto/primitives/node-provider.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import type { KeyPair } from '../../../../client/crypto/primitives/provider.ts'
import { randomBytes } from '../../../../client/crypto/primitives/random.ts'
import { certHash, decodeDeviceCert, encodeCertBody } from '../../../../client/crypto/wire/device-cert.ts'
import { decodeDeviceList, encodeDeviceList, listBody, listHash } from '../../../../client/crypto/wire/device-list.ts'
import type { DeviceList } from '../../../../client/crypto/wire/device-list.ts'
import { decodeLinkingQr, encodeLinkingQr } from '../../../../client/crypto/wire/linking-qr.ts'

const primitives = new Primitives(nodeProvider)
const NOW = 1_800_000_000_000
const times = { createdMs: NOW, expiresMs: NOW + 86_400_000 }

interface Account {
  readonly keys: KeyPair
  readonly list: DeviceList
}

async function makeAccount(devices = [1, 4]): Promise<Account> {
  const keys = primitives.generateSigning()
  const body = {
    user: 15550000001,
    accountKey: keys.publicKey,
    epoch: 7,
    ...times,
    previousHash: randomBytes(32),
    devices: devices.map((device) => ({ device, registrationId: 5, certHash: randomBytes(32) })),
  }
  return { keys, list: { ...body, signature: await primitives.sign('devlist', listBody(body), keys) } }
}

function offered(account: Account, change: Partial<OfferedDevice> = {}): OfferedDevice {
  return { device: 3, linkToken: randomBytes(32), list: account.list, allowHosted: false, nowMs: NOW, ...change }
}

/** Both sides up to where the user of the primary is asked. */
async function untilConsent(account: Account, hosted = false) {
  const shown = showQr(primitives, randomBytes(16), hosted)
  const offer = offerLinking(primitives, shown.qr, offered(account, { allowHosted: hosted }))
  const answer = await answerOffer(primitives, shown.state, offer.message, 'Laptop')
  const request = await readRequest(primitives, offer.state, answer.message)
  return { shown, offer, answer, request }
}

const code = (expected: string) => ({ instanceOf: CryptoError, code: expected })

for (const hosted of [false, true]) {
  test(`a ${hosted ? 'hosted ' : ''}device is linked, and both sides hold one certificate and one list`, async (t) => {
    const account = await makeAccount()
    const { shown, offer, answer, request } = await untilConsent(account, hosted)
    t.is(shown.qr.length, 83)
    t.is(encodeBase64Url(shown.qr).length, 111)
    t.deepEqual(offer.rendezvousId, shown.state.rendezvousId)
    t.regex(offer.digits, /^\d{6}$/)
    t.is(answer.digits, offer.digits)
    t.is(request.name, 'Laptop')

    const grant = await grantLinking(primitives, request.state, account.keys, NOW)
    const linked = await acceptGrant(primitives, answer.state, grant.message)
    t.deepEqual(linked.cert, grant.cert)
    t.deepEqual(linked.list, grant.list)
    t.deepEqual(linked.address, { user: 15550000001, device: 3 })

    const cert = decodeDeviceCert(linked.cert)
    t.is(cert.hosted, hosted)
    t.is(cert.createdMs, NOW)
    t.deepEqual(cert.identity, {
      accountKey: account.keys.publicKey,
      signingKey: linked.signing.publicKey,
      agreementKey: linked.agreement.publicKey,
    })
    const body = encodeCertBody(cert)
    t.true(await primitives.verify('devcert-acct', body, cert.accountSignature, account.keys.publicKey))
    t.true(await primitives.verify('devcert-dev', body, cert.deviceSignature, linked.signing.publicKey))

    const list = decodeDeviceList(linked.list)
    t.is(list.epoch, account.list.epoch + 1)
    t.deepEqual(list.previousHash, listHash(encodeDeviceList(account.list)))
    t.deepEqual(
      list.devices.map(({ device }) => device),
      [1, 3, 4],
    )
    t.deepEqual(list.devices[1]?.certHash, certHash(linked.cert))
    t.true(await primitives.verify('devlist', listBody(list), list.signature, account.keys.publicKey))
  })
}

test('a hosted device is linked with consent only', async (t) => {
  const account = await makeAccount()
  const { qr } = showQr(primitives, randomBytes(16), true)
  t.throws(() => offerLinking(primitives, qr, offered(account)), code('NOT_PERMITTED'))
  t.notThrows(() => offerLinking(primitives, qr, offered(account, { allowHosted: true })))
})

test('a device refuses an offer for another sort of device than it is', async (t) => {
  const account = await makeAccount()
  const { state, qr } = showQr(primitives, randomBytes(16), false)
  const changed = encodeLinkingQr({ ...decodeLinkingQr(qr), hosted: true })
  const wrong = offerLinking(primitives, changed, offered(account, { allowHosted: true }))
  await t.throwsAsync(answerOffer(primitives, state, wrong.message, ''), code('NOT_PERMITTED'))
  const right = offerLinking(primitives, qr, offered(account))
  await t.notThrowsAsync(answerOffer(primitives, state, right.message, ''))
})

test('who does not see the QR code cannot offer: the server lacks the secret', async (t) => {
  const account = await makeAccount()
  const { state, qr } = showQr(primitives, randomBytes(16), false)
  const guessed = encodeLinkingQr({ ...decodeLinkingQr(qr), linkSecret: randomBytes(32) })
  const mallory = offerLinking(primitives, guessed, offered(account))
  await t.throwsAsync(answerOffer(primitives, state, mallory.message, ''), code('BAD_TAG'))
  const elsewhere = encodeLinkingQr({ ...decodeLinkingQr(qr), rendezvousId: randomBytes(16) })
  const moved = offerLinking(primitives, elsewhere, offered(account))
  await t.throwsAsync(answerOffer(primitives, state, moved.message, ''), code('BAD_TAG'))
})

test('a device that is listed, device 1 and a ninth device are not offered', async (t) => {
  const account = await makeAccount()
  const { qr } = showQr(primitives, randomBytes(16), false)
  t.throws(() => offerLinking(primitives, qr, offered(account, { device: 4 })), code('MALFORMED'))
  t.throws(() => offerLinking(primitives, qr, offered(account, { device: 1 })), code('MALFORMED'))
  const full = await makeAccount([1, 2, 3, 4, 5, 6, 7, 8])
  t.throws(() => offerLinking(primitives, qr, offered(full, { device: 9 })), code('NOT_PERMITTED'))
  const seven = await makeAccount([1, 2, 3, 4, 5, 6, 7])
  t.notThrows(() => offerLinking(primitives, qr, offered(seven, { device: 9 })))
})

test('an offer with a list that the account key did not sign is refused', async (t) => {
  const account = await makeAccount()
  const other = await makeAccount()
  const { state, qr } = showQr(primitives, randomBytes(16), false)
  const forged = { ...account.list, epoch: 9 }
  const offer = offerLinking(primitives, qr, offered(account, { list: forged }))
  await t.throwsAsync(answerOffer(primitives, state, offer.message, ''), code('BAD_SIGNATURE'))
  const signedByOther = { ...account.list, signature: other.list.signature }
  const second = offerLinking(primitives, qr, offered(account, { list: signedByOther }))
  await t.throwsAsync(answerOffer(primitives, state, second.message, ''), code('BAD_SIGNATURE'))
})

test('a message that comes again, or out of order, ends the linking', async (t) => {
  const account = await makeAccount()
  const { offer, answer, request } = await untilConsent(account)
  const grant = await grantLinking(primitives, request.state, account.keys, NOW)
  await t.throwsAsync(acceptGrant(primitives, answer.state, offer.message), code('UNKNOWN_VERSION'))
  await t.throwsAsync(acceptGrant(primitives, answer.state, answer.message), code('UNKNOWN_VERSION'))
  await t.throwsAsync(readRequest(primitives, offer.state, grant.message), code('UNKNOWN_VERSION'))
  // The box of the offer under the head of a grant: sealed under the same key.
  const replayed = Uint8Array.of(1, 0x53, ...offer.message.subarray(2 + 32))
  await t.throwsAsync(acceptGrant(primitives, answer.state, replayed), code('UNKNOWN_VERSION'))
  const reflected = Uint8Array.of(1, 0x52, ...grant.message.subarray(2))
  await t.throwsAsync(readRequest(primitives, offer.state, reflected), code('BAD_TAG'))
  await t.notThrowsAsync(acceptGrant(primitives, answer.state, grant.message))
})

test('a grant of another linking, of other keys or by another account is refused', async (t) => {
  const account = await makeAccount()
  const { answer, request } = await untilConsent(account)
  const another = await untilConsent(account)
  const foreign = await grantLinking(primitives, another.request.state, account.keys, NOW)
  await t.throwsAsync(acceptGrant(primitives, answer.state, foreign.message), code('BAD_TAG'))

  const { signingKey } = another.request.state.body.identity
  const swapped = { ...request.state.body, identity: { ...request.state.body.identity, signingKey } }
  const other = await grantLinking(primitives, { ...request.state, body: swapped }, account.keys, NOW)
  await t.throwsAsync(acceptGrant(primitives, answer.state, other.message), code('MALFORMED'))

  const flaggedBody = { ...request.state.body, hosted: true }
  const flagged = await grantLinking(primitives, { ...request.state, body: flaggedBody }, account.keys, NOW)
  await t.throwsAsync(acceptGrant(primitives, answer.state, flagged.message), code('MALFORMED'))

  const older = { ...request.state, list: { ...account.list, epoch: account.list.epoch - 1 } }
  const behind = await grantLinking(primitives, older, account.keys, NOW)
  await t.throwsAsync(acceptGrant(primitives, answer.state, behind.message), code('MALFORMED'))

  const stranger = primitives.generateSigning()
  await t.throwsAsync(grantLinking(primitives, request.state, stranger, NOW), code('NOT_PERMITTED'))
  // A primary whose secret key is not the account's.
  const pretended = { publicKey: account.keys.publicKey, secretKey: stranger.secretKey }
  const unsigned = await grantLinking(new Primitives(), request.state, pretended, NOW)
  await t.throwsAsync(acceptGrant(primitives, answer.state, unsigned.message), code('BAD_SIGNATURE'))

  const good = await grantLinking(primitives, request.state, account.keys, NOW)
  await t.notThrowsAsync(acceptGrant(primitives, answer.state, good.message))
})

test('a request that the device did not sign is refused', async (t) => {
  const account = await makeAccount()
  const { offer, answer } = await untilConsent(account)
  const moved = { ...offer.state, address: { ...offer.state.address, device: 5 } }
  await t.throwsAsync(readRequest(primitives, moved, answer.message), code('BAD_SIGNATURE'))
  const later = { ...offer.state, createdMs: NOW + 1 }
  await t.throwsAsync(readRequest(primitives, later, answer.message), code('BAD_SIGNATURE'))
  await t.notThrowsAsync(readRequest(primitives, offer.state, answer.message))
})

test('no message opens with any of its bytes changed, cut off or added', async (t) => {
  const account = await makeAccount()
  const { shown, offer, answer, request } = await untilConsent(account)
  const grant = await grantLinking(primitives, request.state, account.keys, NOW)
  const steps: [Uint8Array, (message: Uint8Array) => Promise<unknown>][] = [
    [offer.message, (message) => answerOffer(primitives, shown.state, message, '')],
    [answer.message, (message) => readRequest(primitives, offer.state, message)],
    [grant.message, (message) => acceptGrant(primitives, answer.state, message)],
  ]
  for (const [message, step] of steps) {
    for (let at = 0; at < message.length; at++) {
      const changed = message.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      await t.throwsAsync(step(changed), { instanceOf: CryptoError })
    }
    for (const size of [0, 1, 2, 33, message.length - 1])
      await t.throwsAsync(step(message.slice(0, size)), { instanceOf: CryptoError })
    await t.throwsAsync(step(Uint8Array.of(...message, 0)), { instanceOf: CryptoError })
    await t.notThrowsAsync(step(message))
  }
})

test('base64url comes back, and has one encoding', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
      const text = encodeBase64Url(bytes)
      t.is(text, Buffer.from(bytes).toString('base64url'))
      t.deepEqual(decodeBase64Url(text), bytes)
    }),
  )
  for (const text of ['A', 'AB', 'AA==', 'A+', 'A/AA', 'Ä', 'AA AA', 'AAAAA'])
    t.throws(() => decodeBase64Url(text), code('MALFORMED'), text)
  t.deepEqual(decodeBase64Url('AA'), Uint8Array.of(0))
})
