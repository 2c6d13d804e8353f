import { hexToBytes } from '@noble/hashes/utils.js'
import { equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { Primitives } from './primitives.ts'
import type { CryptoProvider } from './provider.ts'
import { tweetnaclProvider } from './tweetnacl-provider.ts'

/** RFC 8032 section 7.1, TEST 3. */
const SIGNER = {
  secretKey: hexToBytes('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'),
  publicKey: hexToBytes('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025'),
}
const MESSAGE = hexToBytes('af82')
const OTHER_MESSAGE = hexToBytes('af83')
const R = hexToBytes('6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac')
const SIGNATURE = withHalves(R, '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a')
/** The same with L added to its second half. */
const UNREDUCED = withHalves(R, '05d391b0a77904e98404ef037747a56e4a7c15e9716ed28dc027beceea1ec41a')

/** Under the neutral element R = S·B fits every message; here S = 1, and R is the base point. */
const NEUTRAL = hexToBytes(`01${'00'.repeat(31)}`)
const FITS_ALL = withHalves(hexToBytes(`58${'66'.repeat(31)}`), `01${'00'.repeat(31)}`)

/** A key with a part of order 8: with the cofactor both signatures would be good, without it the second alone. */
const MIXED = hexToBytes('f8eb522935f3096242aaac73618bab9844d61331bd5967899bef4580483118be')
const MIXED_BAD = withHalves(
  hexToBytes('87cc8db1b14c7718255df0cf314691033686dee82b5d754271d2da6857512f15'),
  '98d9441d59967873598640f8b25b06718b71a6c766711fcc61660603d1aea307',
)
const MIXED_GOOD = withHalves(
  hexToBytes('21564c3a3ae0ad00a762afb56964a56b8decf4876eca38dcde55b36269d17b58'),
  'c90c43527270a47712d3f5591ea060c6ad395debc73a3e4a36ed46d033303009',
)

/** RFC 7748 section 6.1. */
const ALICE_SECRET = hexToBytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
const ALICE = hexToBytes('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
const BOB = hexToBytes('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
const AGREED = hexToBytes('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')

/** Of order 8. */
const SMALL = hexToBytes('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800')
/** The prime itself: zero, in another encoding. */
const UNCANONICAL = hexToBytes(`ed${'ff'.repeat(30)}7f`)

const TEXT = new TextEncoder()

interface Case {
  readonly name: string
  holds(provider: CryptoProvider, guarded: Primitives): boolean | Promise<boolean>
}

const CASES: readonly Case[] = [
  { name: 'an Ed25519 public key', holds: (p) => equal(p.signPublic(SIGNER.secretKey), SIGNER.publicKey) },
  { name: 'an Ed25519 signature', holds: async (p) => equal(await p.sign(MESSAGE, SIGNER), SIGNATURE) },
  { name: 'a good signature', holds: (_, g) => g.verifyRaw(MESSAGE, SIGNATURE, SIGNER.publicKey) },
  { name: 'another message', holds: async (_, g) => !(await g.verifyRaw(OTHER_MESSAGE, SIGNATURE, SIGNER.publicKey)) },
  { name: 'another key', holds: async (_, g) => !(await g.verifyRaw(MESSAGE, SIGNATURE, MIXED)) },
  { name: 'S not below L', holds: async (_, g) => !(await g.verifyRaw(MESSAGE, UNREDUCED, SIGNER.publicKey)) },
  { name: 'a key of small order', holds: async (_, g) => !(await g.verifyRaw(MESSAGE, FITS_ALL, NEUTRAL)) },
  { name: 'a mixed key, refused', holds: async (_, g) => !(await g.verifyRaw(text('message 0'), MIXED_BAD, MIXED)) },
  { name: 'a mixed key, taken', holds: (_, g) => g.verifyRaw(text('message 5'), MIXED_GOOD, MIXED) },
  { name: 'an X25519 public key', holds: (p) => equal(p.dhPublic(ALICE_SECRET), ALICE) },
  { name: 'an X25519 agreement', holds: (_, g) => equal(g.dh(ALICE_SECRET, BOB), AGREED) },
  { name: 'an agreement of zero', holds: (_, g) => refuses(g, SMALL) },
  { name: 'an X25519 key that is not canonical', holds: (_, g) => refuses(g, UNCANONICAL) },
]

/** `fault` says why `provider` is not the candidate. */
export interface SelectedProvider {
  readonly provider: CryptoProvider
  readonly fault?: string
}

/**
 * The candidate, when behind the guards it answers a dozen fixed cases as tweetnacl does; else tweetnacl. An engine that
 * judges signatures otherwise would split a group, or an account's contacts, over one signed state.
 */
export async function selectProvider(candidate: CryptoProvider): Promise<SelectedProvider> {
  const guarded = new Primitives(candidate)
  for (const { name, holds } of CASES) {
    const fault = await faultOf(() => holds(candidate, guarded))
    if (fault !== undefined)
      return { provider: tweetnaclProvider, fault: `${candidate.name} failed its self-test, ${name}: ${fault}` }
  }
  return { provider: candidate }
}

async function faultOf(holds: () => boolean | Promise<boolean>): Promise<string | undefined> {
  try {
    return (await holds()) ? undefined : 'a wrong answer'
  } catch (error) {
    return String(error)
  }
}

function refuses(guarded: Primitives, publicKey: Uint8Array): boolean {
  try {
    guarded.dh(ALICE_SECRET, publicKey)
    return false
  } catch (error) {
    if (error instanceof CryptoError) return true
    throw error
  }
}

function withHalves(r: Uint8Array, s: string): Uint8Array {
  const signature = new Uint8Array(64)
  signature.set(r)
  signature.set(hexToBytes(s), 32)
  return signature
}

function text(message: string): Uint8Array {
  return TEXT.encode(message)
}
