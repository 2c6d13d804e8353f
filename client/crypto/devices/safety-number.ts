import { ByteReader, ByteWriter, concat, equal, typed } from '../bytes.ts'
import { sha512 } from '../primitives/hash.ts'
import { decodeSafetyQr, encodeSafetyQr } from '../wire/safety-qr.ts'

const ROUNDS = 5_200
const GROUPS = 6
const GROUP_BYTES = 5
const GROUP_DIGITS = 5
const FINGERPRINT_BYTES = 32

/** Stands for an account's key. It changes with that key alone, not when devices come and go. */
export interface Fingerprint {
  /** 30, to be read aloud. */
  readonly digits: string
  /** 32, to be scanned. */
  readonly bytes: Uint8Array
}

/** Slow on purpose, some tens of milliseconds: to be kept by whoever needs it again. */
export function fingerprint(user: number, accountKey: Uint8Array): Fingerprint {
  const key = typed(0x06, accountKey)
  const head = new ByteWriter(2 + key.length + 8).u16(0).put(key).u64(user).finish()
  let hash = sha512(head, key)
  for (let round = 1; round < ROUNDS; round++) hash = sha512(hash, key)
  return { digits: digitsOf(hash), bytes: hash.slice(0, FINGERPRINT_BYTES) }
}

function digitsOf(hash: Uint8Array): string {
  const reader = new ByteReader(hash.slice(0, GROUPS * GROUP_BYTES))
  let digits = ''
  while (reader.left > 0) {
    const number = reader.u8() * 2 ** 32 + reader.u32()
    digits += String(number % 10 ** GROUP_DIGITS).padStart(GROUP_DIGITS, '0')
  }
  return digits
}

/** 60 digits, the same on both sides. */
export function safetyNumber(a: Fingerprint, b: Fingerprint): string {
  return [a.digits, b.digits].toSorted().join('')
}

/** What this side shows. */
export function safetyQr(own: Fingerprint, peer: Fingerprint): Uint8Array {
  return encodeSafetyQr({ own: own.bytes, peer: peer.bytes })
}

/** Whether the peer's screen says the same as this one. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION for no such code */
export function matchesSafetyQr(own: Fingerprint, peer: Fingerprint, scanned: Uint8Array): boolean {
  const theirs = decodeSafetyQr(scanned)
  return equal(concat(theirs.own, theirs.peer), concat(peer.bytes, own.bytes))
}
