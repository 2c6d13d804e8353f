import { concat, hex } from '../../../../client/crypto/bytes.ts'
import { hkdf, hmac, sha256, sha512 } from '../../../../client/crypto/primitives/hash.ts'
import { decapsulate, encapsulate, generateKem } from '../../../../client/crypto/primitives/kem.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import { openBox, sealBox } from '../../../../client/crypto/primitives/secretbox.ts'
import { selectProvider } from '../../../../client/crypto/primitives/self-test.ts'
import { tweetnaclProvider } from '../../../../client/crypto/primitives/tweetnacl-provider.ts'
import { webProvider } from '../../../../client/crypto/primitives/web-provider.ts'
import { withRandom } from './fixed-random.ts'

// What a page runs, and Node too, to compare.

/** Bytes as they travel between a test and its page. */
export type Numbers = readonly number[]

export interface SignatureCase {
  readonly message: Numbers
  readonly signature: Numbers
  readonly publicKey: Numbers
}

/** The names of the providers that pass the self-test here, and what the others failed. */
export async function selfTests(): Promise<readonly string[]> {
  const selected = await Promise.all([webProvider, tweetnaclProvider].map(selectProvider))
  return selected.map(({ provider, fault }) => fault ?? provider.name)
}

/** What each provider says of each signature, behind the guards. */
export async function verdicts(cases: readonly SignatureCase[]): Promise<readonly (readonly boolean[])[]> {
  const guarded = [webProvider, tweetnaclProvider].map((provider) => new Primitives(provider))
  return Promise.all(
    guarded.map((primitives) =>
      Promise.all(
        cases.map(({ message, signature, publicKey }) =>
          primitives.verifyRaw(Uint8Array.from(message), Uint8Array.from(signature), Uint8Array.from(publicKey)),
        ),
      ),
    ),
  )
}

/** Something of every primitive, from 32 bytes. */
export async function derived(from: Numbers): Promise<readonly string[]> {
  const seed = Uint8Array.from(from)
  const primitives = new Primitives(webProvider)
  const keys = primitives.signingFromSeed(seed)
  const kem = withRandom(concat(seed, seed), generateKem)
  const { ciphertext, sharedSecret } = withRandom(seed, () => encapsulate(kem.publicKey))
  const box = sealBox(ciphertext, seed.subarray(0, 24), seed)
  const all = [
    keys.publicKey,
    await primitives.sign('test', seed, keys),
    primitives.dhPublic(seed),
    primitives.dh(seed, primitives.dhPublic(sha256(seed))),
    sha512(seed, seed),
    hmac(seed, ciphertext),
    hkdf(seed, seed, keys.publicKey, 96),
    sha256(kem.publicKey, ciphertext),
    sharedSecret,
    decapsulate(ciphertext, kem.seed),
    sha256(box),
    sha256(openBox(box, seed.subarray(0, 24), seed) ?? seed),
  ]
  return all.map(hex)
}
