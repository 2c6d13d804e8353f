import test from 'ava'
import nacl from 'tweetnacl'
import { equal, isZero } from '../../../../client/crypto/bytes.ts'
import { hkdf, hmac } from '../../../../client/crypto/primitives/hash.ts'
import { decapsulate, encapsulate, generateKem, KEM_SEED_BYTES } from '../../../../client/crypto/primitives/kem.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import { bytes } from '../helpers/bytes.ts'
import { withRandom } from '../helpers/fixed-random.ts'
import { providers } from '../helpers/providers.ts'
import { hasWycheproof, readWycheproof } from '../helpers/wycheproof.ts'
import type { Vector } from '../helpers/wycheproof.ts'

const FILES = {
  x25519: 'x25519_test.json',
  ed25519: 'ed25519_test.json',
  hkdf: 'hkdf_sha256_test.json',
  hmac: 'hmac_sha256_test.json',
  kem: 'mlkem_768_test.json',
  encapsulate: 'mlkem_768_encaps_test.json',
  keygen: 'mlkem_768_keygen_seed_test.json',
}

function field(vector: Vector, name: string): Uint8Array {
  return bytes(vector[name] as string)
}

function vectorsOf(file: string, count: number): Vector[] {
  return readWycheproof(file, count).flatMap(({ tests }) => tests)
}

/** The ids of the vectors that are judged otherwise than they say; what throws counts as refused. */
function misjudged(vectors: readonly Vector[], holds: (vector: Vector) => boolean): number[] {
  const good = (vector: Vector): boolean => {
    try {
      return holds(vector)
    } catch {
      return false
    }
  }
  return vectors.filter((vector) => good(vector) !== (vector['result'] === 'valid')).map(({ tcId }) => tcId)
}

if (hasWycheproof()) {
  for (const provider of providers) {
    test(`${provider.name} agrees with Wycheproof on X25519, and what is zero or not canonical is refused`, (t) => {
      const guarded = new Primitives(provider)
      const counts = { agreed: 0, zero: 0, refused: 0 }
      for (const vector of vectorsOf(FILES.x25519, 518)) {
        const [secretKey, publicKey] = [field(vector, 'private'), field(vector, 'public')]
        const shared = field(vector, 'shared')
        t.deepEqual(provider.dh(secretKey, publicKey), shared, `tcId ${vector.tcId}`)
        if (isZero(shared)) counts.zero += 1
        if (isZero(shared) || vector.flags.includes('NonCanonicalPublic')) {
          counts.refused += 1
          t.throws(() => guarded.dh(secretKey, publicKey), { code: 'MALFORMED' })
          continue
        }
        // Bit 255 is ignored by RFC 7748, and refused by the guard.
        if ((publicKey[31] as number) >> 7 === 1)
          t.throws(() => guarded.dh(secretKey, publicKey), { code: 'MALFORMED' })
        else t.deepEqual(guarded.dh(secretKey, publicKey), shared)
        counts.agreed += 1
      }
      t.is(counts.zero, 31)
      t.is(counts.agreed + counts.refused, 518)
    })

    test(`behind the guards ${provider.name} judges all of Wycheproof's Ed25519 signatures right`, async (t) => {
      const guarded = new Primitives(provider)
      for (const { publicKey, tests } of readWycheproof(FILES.ed25519, 151)) {
        for (const vector of tests) {
          const key = bytes((publicKey as { pk: string }).pk)
          const good = await guarded.verifyRaw(field(vector, 'msg'), field(vector, 'sig'), key)
          t.is(good, vector['result'] === 'valid', `tcId ${vector.tcId}`)
        }
      }
    })
  }

  test("without the guards tweetnacl misjudges five of Wycheproof's Ed25519 signatures", (t) => {
    const wrong = readWycheproof(FILES.ed25519, 151).flatMap(({ publicKey, tests }) => {
      const key = bytes((publicKey as { pk: string }).pk)
      return misjudged(tests, (one) => nacl.sign.detached.verify(field(one, 'msg'), field(one, 'sig'), key))
    })
    t.deepEqual(wrong, [63, 64, 65, 66, 85])
  })

  test('HKDF agrees with Wycheproof', (t) => {
    const wrong = misjudged(vectorsOf(FILES.hkdf, 86), (one) => {
      const okm = hkdf(field(one, 'ikm'), field(one, 'salt'), field(one, 'info'), one.size as number)
      return equal(okm, field(one, 'okm'))
    })
    t.deepEqual(wrong, [])
  })

  test('HMAC agrees with Wycheproof', (t) => {
    const wrong = readWycheproof(FILES.hmac, 174).flatMap(({ tests, tagSize }) =>
      misjudged(tests, (one) => {
        const tag = hmac(field(one, 'key'), field(one, 'msg')).subarray(0, (tagSize as number) / 8)
        return equal(tag, field(one, 'tag'))
      }),
    )
    t.deepEqual(wrong, [])
  })

  test("ML-KEM's decapsulation agrees with Wycheproof", (t) => {
    const wrong = misjudged(vectorsOf(FILES.kem, 193), (one) =>
      equal(decapsulate(field(one, 'c'), field(one, 'seed')), field(one, 'K')),
    )
    t.deepEqual(wrong, [])
  })

  test("ML-KEM's encapsulation agrees with Wycheproof", (t) => {
    const wrong = misjudged(vectorsOf(FILES.encapsulate, 265), (one) => {
      const made = withRandom(field(one, 'm'), () => encapsulate(field(one, 'ek')))
      return equal(made.ciphertext, field(one, 'c')) && equal(made.sharedSecret, field(one, 'K'))
    })
    t.deepEqual(wrong, [])
  })

  test("ML-KEM's keys agree with Wycheproof", (t) => {
    const wrong = misjudged(vectorsOf(FILES.keygen, 100), (one) => {
      const made = withRandom(field(one, 'seed'), generateKem)
      return made.seed.length === KEM_SEED_BYTES && equal(made.publicKey, field(one, 'ek'))
    })
    t.deepEqual(wrong, [])
  })
} else {
  test("Wycheproof's vectors are not here: set WYCHEPROOF_DIR to run them", (t) => {
    for (const file of Object.values(FILES)) t.log(`skipped: ${file}`)
    t.pass()
  })
}
