import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { bytes } from './bytes.ts'

// RFC 9935: a key of ML-KEM-768 in DER is a fixed head and the seed, or the encapsulation key.
const PRIVATE_HEAD = bytes('3054020100300b060960864801650304040204428040')
const PUBLIC_HEAD = bytes('308204b2300b0609608648016503040402038204a100')

export function opensslPrivate(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, seed]), format: 'der', type: 'pkcs8' })
}

export function opensslPublic(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, publicKey]), format: 'der', type: 'spki' })
}
