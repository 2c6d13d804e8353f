import { DecodeError } from './decode-error.ts'
import { copyBytes } from './slab.ts'
import { findText } from './text.ts'

const NO_BYTES = new Uint8Array(0)
const UINT32_MAX = 0xffff_ffff
const MAX_VARINT_BYTES = 10

/** A view that turns 8 bytes into a bigint or a double without an allocation. */
const eight = new DataView(new ArrayBuffer(8))

/**
 * Reads the protobuf wire format (protobuf.dev/programming-guides/encoding) from hostile bytes. It never reads outside
 * of them, and whatever breaks the format is a {@link DecodeError} that names the byte. Numbers are safe integers.
 */
export class Reader {
  /** The next byte. */
  pos = 0
  private bytesIn: Uint8Array = NO_BYTES

  open(bytes: Uint8Array): void {
    this.bytesIn = bytes
    this.pos = 0
  }

  /** Lets go of the input. */
  close(): void {
    this.bytesIn = NO_BYTES
  }

  fail(what: string): never {
    throw new DecodeError(`${what}, at byte ${this.pos}`)
  }

  /** Field number << 3 | wire type. */
  tag(): number {
    const byte = this.bytesIn[this.pos]
    if (byte !== undefined && byte < 0x80 && byte >= 8) {
      this.pos++
      return byte
    }
    const tag = this.uint32()
    if (tag < 8) this.fail('a field has the number 0')
    return tag
  }

  /** Where the message or packed list that begins here ends. */
  end(): number {
    const length = this.uint64()
    const end = this.pos + length
    if (end > this.bytesIn.length) this.fail(`a length of ${length} runs over the end`)
    return end
  }

  /** To be called at the end of a message: fields that ran over it are an error. */
  finish(end: number): void {
    if (this.pos !== end) this.fail('a field runs over the end of its message')
  }

  uint32(): number {
    const value = this.uint64()
    if (value > UINT32_MAX) this.fail('a number has more than 32 bits')
    return value
  }

  uint64(): number {
    const byte = this.bytesIn[this.pos]
    if (byte !== undefined && byte < 0x80) {
      this.pos++
      return byte
    }
    return this.longVarint()
  }

  fixed64(): bigint {
    this.takeEight()
    return eight.getBigUint64(0)
  }

  double(): number {
    this.takeEight()
    return eight.getFloat64(0)
  }

  bool(): boolean {
    return this.uint64() !== 0
  }

  string(): string {
    const end = this.end()
    const text = findText(this.bytesIn, this.pos, end)
    if (text === undefined) this.fail('a string is not UTF-8')
    this.pos = end
    return text
  }

  /** A copy: the input may be gone after decoding. */
  bytes(): Uint8Array {
    const end = this.end()
    const copy = copyBytes(this.bytesIn, this.pos, end)
    this.pos = end
    return copy
  }

  /** A view of the input: for a caller that reads it before the input is gone. */
  view(): Uint8Array {
    const end = this.end()
    const view = this.bytesIn.subarray(this.pos, end)
    this.pos = end
    return view
  }

  /** 16 bytes as a UUID in text, lower case. */
  uuid(): string {
    const end = this.end()
    if (end - this.pos !== 16) this.fail('a UUID has not 16 bytes')
    let text = ''
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += '-'
      text += this.next().toString(16).padStart(2, '0')
    }
    return text
  }

  /** Passes over a field that this version does not know. Groups are no part of proto3. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.skipVarint()
        return
      case 1:
        this.skipBytes(8)
        return
      case 2:
        this.pos = this.end()
        return
      case 5:
        this.skipBytes(4)
        return
      default:
        this.fail(`the wire type ${tag & 7} is none`)
    }
  }

  private next(): number {
    const byte = this.bytesIn[this.pos]
    if (byte === undefined) this.fail('the bytes end inside a field')
    this.pos++
    return byte
  }

  private longVarint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.next()
      // Exact up to 2^53, and from there on never below it.
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) this.fail('a number has more than 53 bits')
        return value
      }
      scale *= 0x80
    }
    return this.fail('a number has more than 10 bytes')
  }

  private skipVarint(): void {
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.next() < 0x80) return
    }
    this.fail('a number has more than 10 bytes')
  }

  private skipBytes(count: number): void {
    if (this.pos + count > this.bytesIn.length) this.fail('the bytes end inside a field')
    this.pos += count
  }

  /** The next 8 bytes, little-endian on the wire, into `eight`, big-endian. */
  private takeEight(): void {
    for (let i = 7; i >= 0; i--) eight.setUint8(i, this.next())
  }
}
