import { createHmac, decapsulate as opensslDecapsulate, encapsulate as opensslEncapsulate, hkdfSync } from 'node:crypto'
import test from 'ava'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import sodium from 'libsodium-wrappers'
import { concat, isZero } from '../../../../client/crypto/bytes.ts'
import { hkdf, hmac } from '../../../../client/crypto/primitives/hash.ts'
import { decapsulate, encapsulate, generateKem } from '../../../../client/crypto/primitives/kem.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import { openBox, sealBox } from '../../../../client/crypto/primitives/secretbox.ts'
import { times } from '../../../helpers/long.ts'
import { bytes, flip } from '../helpers/bytes.ts'
import { encodeScalar, ORDER, signMixed, SMALL_ORDER } from '../helpers/mixed-order.ts'
import type { SignedMessage } from '../helpers/mixed-order.ts'
import { littleEndian } from '../helpers/noble-provider.ts'
import { opensslPrivate, opensslPublic } from '../helpers/openssl-kem.ts'
import { providers } from '../helpers/providers.ts'

const RUNS = times(200, 4_000)
/** Of what needs some ten milliseconds. */
const SLOW_RUNS = times(25, 1_000)
/** One in eight of them is taken, and one is to be. */
const MIXED_RUNS = times(75, 1_000)
const KEM_RUNS = times(15, 50)

const guarded = providers.map((provider) => new Primitives(provider))
const [tweetnacl] = guarded as [Primitives]

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const message = fc.uint8Array({ maxLength: 200 })
const scalar = fc.bigInt({ min: 1n, max: ORDER - 1n })

/** What everybody answers. @throws Error when they do not agree */
function same<T>(answers: readonly T[], show: (answer: T) => string): T {
  const [first, ...others] = answers as [T, ...T[]]
  for (const [i, other] of others.entries())
    if (show(other) !== show(first)) throw new Error(`${guarded[i + 1]?.name} says otherwise: ${show(other)}`)
  return first
}

async function verdict({ message, signature, publicKey }: SignedMessage): Promise<boolean> {
  return same(await Promise.all(guarded.map((one) => one.verifyRaw(message, signature, publicKey))), String)
}

function hexOf(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

test('all providers agree on X25519, with any bytes as keys', (t) => {
  const outcome = (primitives: Primitives, secretKey: Uint8Array, publicKey: Uint8Array): string => {
    try {
      return hexOf(primitives.dh(secretKey, publicKey))
    } catch (error) {
      return String((error as { code?: string }).code)
    }
  }
  const seen = { agreed: 0, refused: 0 }
  fc.assert(
    fc.property(key32, key32, (secretKey, publicKey) => {
      same(
        providers.map((provider) => provider.dhPublic(secretKey)),
        hexOf,
      )
      const answer = same(
        guarded.map((primitives) => outcome(primitives, secretKey, publicKey)),
        String,
      )
      seen[answer === 'MALFORMED' ? 'refused' : 'agreed'] += 1
    }),
    { numRuns: RUNS / 4 },
  )
  t.true(seen.agreed > RUNS / 20)
  // Half of all bytes have bit 255 set.
  t.true(seen.refused > RUNS / 20)
})

test('all providers make the same signatures, and take them', async (t) => {
  let taken = 0
  await fc.assert(
    fc.asyncProperty(key32, message, async (seed, message) => {
      const keys = same(
        guarded.map((one) => one.signingFromSeed(seed)),
        (pair) => hexOf(pair.publicKey),
      )
      const signatures = await Promise.all(providers.map(async (provider) => provider.sign(message, keys)))
      const signature = same(signatures, hexOf)
      if (await verdict({ message, signature, publicKey: keys.publicKey })) taken += 1
    }),
    { numRuns: SLOW_RUNS },
  )
  t.is(taken, SLOW_RUNS)
})

test('all providers refuse a signature, message or key with one bit turned', async (t) => {
  const part = fc.constantFrom('message', 'signature', 'publicKey')
  const bit = fc.nat(100_000)
  await fc.assert(
    fc.asyncProperty(
      key32,
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      part,
      bit,
      async (seed, text, part, bit) => {
        const keys = (guarded[1] as Primitives).signingFromSeed(seed)
        const signed = { message: text, publicKey: keys.publicKey, signature: await providers[1]?.sign(text, keys) }
        const good = signed as SignedMessage
        return !(await verdict({ ...good, [part]: flip(good[part], bit % (good[part].length * 8)) }))
      },
    ),
    { numRuns: SLOW_RUNS },
  )
  t.pass()
})

test('all providers judge keys and signatures with a part of small order alike, without the cofactor', async (t) => {
  const seen = { taken: 0, refused: 0, withCofactor: 0 }
  const torsion = fc.integer({ min: 0, max: 7 })
  await fc.assert(
    fc.asyncProperty(message, scalar, scalar, torsion, torsion, async (message, secret, nonce, inKey, inNonce) => {
      const signed = signMixed(message, secret, nonce, inKey, inNonce)
      const good = await verdict(signed)
      seen[good ? 'taken' : 'refused'] += 1
      if (ed25519.verify(signed.signature, signed.message, signed.publicKey, { zip215: false })) seen.withCofactor += 1
      if (inKey === 0 && inNonce === 0 && !good) throw new Error('A plain signature is refused')
    }),
    { numRuns: MIXED_RUNS },
  )
  t.true(seen.taken > 0)
  t.true(seen.refused > 0)
  t.is(seen.withCofactor, MIXED_RUNS)
})

test('all providers refuse S + L, which is the same signature once more', async (t) => {
  const keys = tweetnacl.generateSigning()
  const text = bytes('01020304')
  const signature = await tweetnacl.sign('a', text, keys)
  const raw = { message: concat(bytes('5061726c65792d76312f6100'), text), publicKey: keys.publicKey }
  t.true(await verdict({ ...raw, signature }))
  const again = concat(signature.subarray(0, 32), encodeScalar(littleEndian(signature.subarray(32)) + ORDER))
  t.false(await verdict({ ...raw, signature: again }))
})

test('all providers refuse keys and R of small order, in every encoding', async (t) => {
  const one = encodeScalar(1n)
  const base = ed25519.Point.BASE.toBytes()
  let raw = 0
  for (const small of SMALL_ORDER) {
    const underIt = { message: bytes('00'), signature: concat(base, one), publicKey: small }
    if (providers[0]?.verify(underIt.signature, underIt.message, small) === true) raw += 1
    t.false(await verdict(underIt))
    t.false(await verdict({ message: bytes('00'), signature: concat(small, one), publicKey: base }))
  }
  // Without the guard the neutral element takes it, for one.
  t.true(raw > 0)
})

test('all providers judge the two known signatures under a mixed key right', async (t) => {
  const publicKey = bytes('f8eb522935f3096242aaac73618bab9844d61331bd5967899bef4580483118be')
  const refused = bytes(
    '87cc8db1b14c7718255df0cf314691033686dee82b5d754271d2da6857512f1598d9441d59967873598640f8b25b06718b71a6c766711fcc61660603d1aea307',
  )
  const taken = bytes(
    '21564c3a3ae0ad00a762afb56964a56b8decf4876eca38dcde55b36269d17b58c90c43527270a47712d3f5591ea060c6ad395debc73a3e4a36ed46d033303009',
  )
  t.false(await verdict({ message: new TextEncoder().encode('message 0'), signature: refused, publicKey }))
  t.true(await verdict({ message: new TextEncoder().encode('message 5'), signature: taken, publicKey }))
  t.true(ed25519.verify(refused, new TextEncoder().encode('message 0'), publicKey, { zip215: false }))
})

test('signatures and keys of other lengths are refused without an error', async (t) => {
  const keys = tweetnacl.generateSigning()
  const signature = await tweetnacl.sign('a', bytes('00'), keys)
  for (const primitives of guarded) {
    t.true(await primitives.verify('a', bytes('00'), signature, keys.publicKey))
    t.false(await primitives.verify('a', bytes('00'), signature.subarray(1), keys.publicKey))
    t.false(await primitives.verify('a', bytes('00'), signature, keys.publicKey.subarray(1)))
    t.false(await primitives.verify('a', bytes('00'), concat(signature, bytes('00')), keys.publicKey))
    t.throws(() => primitives.dh(keys.secretKey, keys.publicKey.subarray(1)), { code: 'MALFORMED' })
    t.throws(() => primitives.dh(keys.secretKey, new Uint8Array(32)), { code: 'MALFORMED' })
  }
})

test('HKDF and HMAC are those of OpenSSL', (t) => {
  const any = fc.uint8Array({ maxLength: 300 })
  fc.assert(
    fc.property(any, any, any, fc.integer({ min: 1, max: 300 }), (ikm, salt, info, size) => {
      const expected = new Uint8Array(hkdfSync('sha256', ikm, salt, info, size))
      return (
        hexOf(hkdf(ikm, salt, info, size)) === hexOf(expected) &&
        hexOf(hmac(salt, ikm, info)) === createHmac('sha256', salt).update(ikm).update(info).digest('hex')
      )
    }),
    { numRuns: RUNS },
  )
  t.pass()
})

test('boxes are those of libsodium, and open on both sides', (t) => {
  const nonce = fc.uint8Array({ minLength: 24, maxLength: 24 })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_000 }), nonce, key32, (content, nonce, key) => {
      const box = sealBox(content, nonce, key)
      return (
        hexOf(box) === hexOf(sodium.crypto_secretbox_easy(content, nonce, key)) &&
        hexOf(openBox(box, nonce, key) ?? bytes('00')) === hexOf(content)
      )
    }),
    { numRuns: RUNS },
  )
  t.pass()
})

test('ML-KEM-768 works with that of OpenSSL, in both directions', (t) => {
  for (let i = 0; i < KEM_RUNS; i++) {
    const { seed, publicKey } = generateKem()
    const ours = encapsulate(publicKey)
    t.deepEqual(new Uint8Array(opensslDecapsulate(opensslPrivate(seed), ours.ciphertext)), ours.sharedSecret)
    const theirs = opensslEncapsulate(opensslPublic(publicKey))
    t.deepEqual(decapsulate(new Uint8Array(theirs.ciphertext), seed), new Uint8Array(theirs.sharedKey))
    const other = decapsulate(flip(ours.ciphertext, i * 7), seed)
    t.notDeepEqual(other, ours.sharedSecret)
    t.false(isZero(other))
  }
})

test('an ML-KEM key with a coefficient out of range, or anything of another length, is refused', (t) => {
  const { seed, publicKey } = generateKem()
  const { ciphertext } = encapsulate(publicKey)
  const outOfRange = publicKey.slice()
  outOfRange.fill(0xff, 0, 2)
  t.throws(() => encapsulate(outOfRange), { code: 'MALFORMED' })
  t.throws(() => encapsulate(publicKey.subarray(1)), { code: 'MALFORMED' })
  t.throws(() => decapsulate(ciphertext.subarray(1), seed), { code: 'MALFORMED' })
  t.throws(() => decapsulate(concat(ciphertext, bytes('00')), seed), { code: 'MALFORMED' })
})
