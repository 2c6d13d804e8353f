/** Frames of RFC 6455 as a client sends them, made once and sent often: masked with zeros, which changes nothing. */
const MASKED = 0x80
const FINAL = 0x80

export function webSocketFrame(opcode: number, payload: Uint8Array | string, isFinal = true): Buffer {
  const bytes = Buffer.from(payload as Uint8Array)
  const length = bytes.length
  const head = Buffer.alloc((length < 126 ? 2 : length < 65_536 ? 4 : 10) + 4)
  head[0] = (isFinal ? FINAL : 0) | opcode
  if (length < 126) {
    head[1] = MASKED | length
  } else if (length < 65_536) {
    head[1] = MASKED | 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = MASKED | 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, bytes])
}

export interface ReceivedFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** Cuts what a server sends into frames. Servers do not mask. */
export class FrameCutter {
  #chunks: Buffer[] = []
  #length = 0
  /** Bytes needed before there is anything to cut. */
  #needed = 2

  /** The frames that are whole by now. */
  push(data: Buffer): ReceivedFrame[] {
    this.#chunks.push(data)
    this.#length += data.length
    if (this.#length < this.#needed) return []
    const whole: ReceivedFrame[] = []
    let bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#needed = 2
    while (bytes.length >= 2) {
      const short = bytes[1]! & 127
      const start = short === 127 ? 10 : short === 126 ? 4 : 2
      if (bytes.length < start) break
      const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
      this.#needed = start + length
      if (bytes.length < start + length) break
      whole.push({ opcode: bytes[0]! & 15, payload: bytes.subarray(start, start + length) })
      bytes = bytes.subarray(start + length)
      this.#needed = 2
    }
    this.#chunks = [bytes]
    this.#length = bytes.length
    return whole
  }
}
