import nacl from 'tweetnacl'
import { malformed } from './errors.ts'

/** Of hashes, keys of either curve, and chain keys. */
export const KEY_BYTES = 32

export const ZERO_32: Uint8Array = new Uint8Array(32)

const ASCII = new TextEncoder()

/** Ends every label, so that none is the beginning of another. */
const LABEL_END = '\0'

const labels = new Map<string, Uint8Array>()

/** `Parley-v1/<name>` and a zero byte: what every signature, derivation and hash of the protocol begins with. */
export function label(name: string): Uint8Array {
  let bytes = labels.get(name)
  if (bytes === undefined) {
    bytes = ASCII.encode(`Parley-v1/${name}${LABEL_END}`)
    labels.set(name, bytes)
  }
  return bytes
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** In constant time for equal lengths. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  return a.length === 0 || nacl.verify(a, b)
}

/** The order of bytes as unsigned numbers: below, at or above 0, as for `sort`. Not for secrets. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function isZero(bytes: Uint8Array): boolean {
  let any = 0
  for (const byte of bytes) any |= byte
  return any === 0
}

/** Lower-case hexadecimal, for keys of records. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

const HIGH = 2 ** 32
const MAX_HIGH = 2 ** 21

/** Reads an object field by field: big-endian integers, exact lengths. All errors are MALFORMED. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    // A Buffer is one too, but its `slice` copies nothing.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** A copy of the next bytes. */
  take(count: number): Uint8Array {
    const at = this.#advance(count)
    return this.#bytes.slice(at, at + count)
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  /** Of 64 bits, yet a safe integer. */
  u64(): number {
    const at = this.#advance(8)
    const high = this.#view.getUint32(at)
    if (high >= MAX_HIGH) malformed('A number is too large')
    return high * HIGH + this.#view.getUint32(at + 4)
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) malformed(`${this.left} bytes too many`)
  }

  #advance(count: number): number {
    if (count > this.left) malformed(`${count - this.left} bytes too few`)
    const at = this.#at
    this.#at += count
    return at
  }
}

/** Writes an object of a known size field by field. */
export class ByteWriter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
    this.#view = new DataView(this.#bytes.buffer)
  }

  put(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
    return this
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value)
    this.#at += 1
    return this
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value)
    this.#at += 2
    return this
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value)
    this.#at += 4
    return this
  }

  u64(value: number): this {
    this.#view.setUint32(this.#at, Math.floor(value / HIGH))
    this.#view.setUint32(this.#at + 4, value % HIGH)
    this.#at += 8
    return this
  }

  /** @throws {RangeError} when it is not full: a fault of the caller */
  finish(): Uint8Array {
    if (this.#at !== this.#bytes.length) throw new RangeError(`${this.#at} of ${this.#bytes.length} bytes were written`)
    return this.#bytes
  }
}

/** A public key as it stands in hashed and signed data, so that one sort never passes as another: 05 X25519, 06 Ed25519, 09 ML-KEM-768. */
export function typed(type: 0x05 | 0x06 | 0x09, key: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(type), key)
}
