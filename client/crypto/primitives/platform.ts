import type * as NodeCrypto from 'node:crypto'
import { createOpensslProvider } from './openssl-provider.ts'
import { Primitives } from './primitives.ts'
import type { CryptoProvider } from './provider.ts'
import { selectProvider } from './self-test.ts'
import { tweetnaclProvider } from './tweetnacl-provider.ts'
import { webProvider } from './web-provider.ts'

let platform: Promise<Primitives> | undefined

/**
 * The primitives on this provider, or by default on the fastest that the platform has; on tweetnacl where it fails its
 * self-test, which {@link Primitives.fault} tells.
 */
export function choosePrimitives(provider?: CryptoProvider): Promise<Primitives> {
  if (provider !== undefined) return primitivesOn(provider)
  platform ??= primitivesOn(findPlatformProvider())
  return platform
}

async function primitivesOn(candidate: CryptoProvider): Promise<Primitives> {
  const { provider, fault } = await selectProvider(candidate)
  return new Primitives(provider, fault)
}

function findPlatformProvider(): CryptoProvider {
  const nodeCrypto = (globalThis as PlatformGlobals).process?.getBuiltinModule?.('node:crypto')
  if (nodeCrypto !== undefined) return createOpensslProvider(nodeCrypto)
  return globalThis.crypto?.subtle === undefined ? tweetnaclProvider : webProvider
}

/** What Node has and browsers lack. */
interface PlatformGlobals {
  readonly process?: { getBuiltinModule?(name: 'node:crypto'): typeof NodeCrypto | undefined }
}
