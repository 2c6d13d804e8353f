import { nodeBuffer } from './node-buffer.ts'
import { encodeText } from './text.ts'

const utf8Write = nodeBuffer?.prototype.utf8Write

const FIRST_BYTES = 16_384
/** A larger buffer is let go after the batch that needed it. */
const KEPT_BYTES = 1_048_576
/** The longest number, and the longest tag. */
const MAX_VARINT_BYTES = 10
const MAX_TAG_BYTES = 5
/** Unused at the end of the buffer: the longest character in UTF-8. */
const SPARE_BYTES = 4
const LOW = 2 ** 28

/**
 * Writes the protobuf wire format from its end to its beginning: when the length of a message is due, the message is
 * already there, so that every byte is written once. Fields and list entries are therefore written last to first. The
 * buffer is used again: what {@link finish} returns is valid until the next {@link begin}.
 */
export class Writer {
  private buffer = new Uint8Array(FIRST_BYTES)
  private view = new DataView(this.buffer.buffer)
  /** Where writing begins: the end of the buffer but for the spare bytes. */
  private last = FIRST_BYTES - SPARE_BYTES
  /** The first byte that is written. */
  private pos = FIRST_BYTES - SPARE_BYTES

  begin(): void {
    if (this.buffer.length > KEPT_BYTES) this.use(new Uint8Array(FIRST_BYTES))
    this.pos = this.last
  }

  finish(): Uint8Array {
    return this.buffer.subarray(this.pos, this.last)
  }

  /** Bytes written so far: taken before a message, it tells {@link message} where the message ends. */
  get size(): number {
    return this.last - this.pos
  }

  /** Length and tag of the message or packed list that was written since `size` was taken. */
  message(tag: number, sizeBefore: number): void {
    const length = this.size - sizeBefore
    this.reserve(0)
    this.small(length)
    this.tag(tag)
  }

  /** uint32, uint64 or an enum. */
  uint(tag: number, value: number): void {
    this.packed(value)
    this.tag(tag)
  }

  /** An entry of a packed list. */
  packed(value: number): void {
    this.reserve(0)
    if ((value | 0) === value && value >= 0) this.small(value)
    else this.large(value)
  }

  bool(tag: number, value: boolean): void {
    this.uint(tag, value ? 1 : 0)
  }

  fixed64(tag: number, value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw new RangeError(`Not an unsigned integer of 64 bits: ${value}`)
    this.reserve(8)
    this.pos -= 8
    this.view.setBigUint64(this.pos, value, true)
    this.tag(tag)
  }

  double(tag: number, value: number): void {
    this.reserve(8)
    this.pos -= 8
    this.view.setFloat64(this.pos, value, true)
    this.tag(tag)
  }

  bytes(tag: number, value: Uint8Array): void {
    this.reserve(value.length)
    this.pos -= value.length
    this.buffer.set(value, this.pos)
    this.small(value.length)
    this.tag(tag)
  }

  string(tag: number, value: string): void {
    const length = value.length
    this.reserve(length)
    const start = this.pos - length
    if (!this.writeAscii(value, start)) {
      this.bytes(tag, encodeText(value))
      return
    }
    this.pos = start
    this.small(length)
    this.tag(tag)
  }

  /** A UUID in text as its 16 bytes. */
  uuid(tag: number, value: string): void {
    const hex = value.replaceAll('-', '')
    if (!/^[0-9a-f]{32}$/i.test(hex)) throw new RangeError(`Not a UUID: ${value}`)
    this.bytes(
      tag,
      Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)),
    )
  }

  /** Makes room for `count` bytes, a number and a tag. */
  private reserve(count: number): void {
    const needed = count + MAX_VARINT_BYTES + MAX_TAG_BYTES
    if (this.pos >= needed) return
    const used = this.buffer.subarray(this.pos)
    const larger = new Uint8Array(Math.max(2 * this.buffer.length, used.length + needed))
    larger.set(used, larger.length - used.length)
    this.use(larger)
    this.pos = larger.length - used.length
  }

  private use(buffer: Uint8Array<ArrayBuffer>): void {
    this.buffer = buffer
    this.view = new DataView(buffer.buffer)
    this.last = buffer.length - SPARE_BYTES
  }

  /** Writes the text from `start` up to what is already written; false, and nothing is lost, when it is not ASCII. */
  private writeAscii(value: string, start: number): boolean {
    const { length } = value
    if (utf8Write === undefined) {
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i)
        if (code > 0x7f) return false
        this.buffer[start + i] = code
      }
      return true
    }
    // With room for one character more, exactly `length` bytes are written only if each character took one.
    const following = this.view.getUint32(this.pos)
    if (utf8Write.call(this.buffer, value, start, length + SPARE_BYTES) === length) return true
    this.view.setUint32(this.pos, following)
    return false
  }

  // The caller of the following has made room.

  private tag(tag: number): void {
    if (tag < 0x80) this.buffer[--this.pos] = tag
    else this.small(tag)
  }

  /** A number of at most 31 bits in groups of 7, the lowest first. */
  private small(value: number): void {
    if (value < 0x80) {
      this.buffer[--this.pos] = value
      return
    }
    const { buffer } = this
    const count = value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < LOW ? 4 : 5
    let pos = this.pos - count
    this.pos = pos
    let rest = value
    while (rest >= 0x80) {
      buffer[pos++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[pos] = rest
  }

  /** A number of at most 53 bits. */
  private large(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) throw new RangeError(`Not an unsigned safe integer: ${value}`)
    // The lower four groups of 7 bits are all followed by another one.
    const high = Math.floor(value / LOW)
    const low = value - high * LOW
    this.small(high)
    const pos = this.pos - 4
    const { buffer } = this
    buffer[pos] = (low & 0x7f) | 0x80
    buffer[pos + 1] = ((low >>> 7) & 0x7f) | 0x80
    buffer[pos + 2] = ((low >>> 14) & 0x7f) | 0x80
    buffer[pos + 3] = ((low >>> 21) & 0x7f) | 0x80
    this.pos = pos
  }
}
