import test from 'ava'
import { ed25519 } from '@noble/curves/ed25519.js'
import nacl from 'tweetnacl'
import type { CryptoProvider } from '../../../../client/crypto/primitives/provider.ts'
import { selectProvider } from '../../../../client/crypto/primitives/self-test.ts'
import { tweetnaclProvider } from '../../../../client/crypto/primitives/tweetnacl-provider.ts'
import { providers } from '../helpers/providers.ts'

for (const provider of providers) {
  test(`${provider.name} passes the self-test`, async (t) => {
    t.deepEqual(await selectProvider(provider), { provider })
  })
}

const faults: Readonly<Record<string, Partial<CryptoProvider>>> = {
  'verifies with the cofactor': { verify: (s, m, p) => ed25519.verify(s, m, p, { zip215: false }) },
  'takes every signature': { verify: () => true },
  'takes no signature': { verify: () => false },
  'lets the message be cut': { verify: (s, m, p) => nacl.sign.detached.verify(m.subarray(0, 1), s, p) },
  'signs something else': { sign: (m, k) => tweetnaclProvider.sign(Uint8Array.of(...m, 1), k) },
  'signs with an error': { sign: () => Promise.reject(new Error('NotSupportedError')) },
  'hashes its agreement': { dh: (s, p) => nacl.box.before(p, s) },
  'throws where an agreement is zero': {
    dh(s, p) {
      const secret = nacl.scalarMult(s, p)
      if (secret.every((byte) => byte === 0)) throw new RangeError('zero')
      return secret
    },
  },
  'derives other X25519 keys': { dhPublic: (s) => s.toReversed() },
  'derives other Ed25519 keys': { signPublic: (s) => s.slice() },
}

for (const [name, wrong] of Object.entries(faults)) {
  test(`a provider that ${name} fails the self-test and is replaced`, async (t) => {
    const { provider, fault } = await selectProvider({ ...tweetnaclProvider, ...wrong, name: 'faulty' })
    t.is(provider, tweetnaclProvider)
    t.regex(fault ?? '', /^faulty failed its self-test, /)
  })
}
