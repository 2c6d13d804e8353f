import { nodeProvider } from '../../../../client/crypto/primitives/node-provider.ts'
import type { CryptoProvider } from '../../../../client/crypto/primitives/provider.ts'
import { tweetnaclProvider } from '../../../../client/crypto/primitives/tweetnacl-provider.ts'
import { webProvider } from '../../../../client/crypto/primitives/web-provider.ts'
import { nobleProvider } from './noble-provider.ts'
import { sodiumProvider } from './sodium-provider.ts'

/** Every implementation of the curves at hand; behind the guards all must say the same. */
export const providers: readonly CryptoProvider[] = [
  tweetnaclProvider,
  nodeProvider,
  webProvider,
  nobleProvider,
  sodiumProvider,
]
