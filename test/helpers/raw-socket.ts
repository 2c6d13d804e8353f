import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { waitUntil } from './wait-until.ts'

export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface RawMessage {
  readonly opcode: number
  readonly payload: Buffer
}

/**
 * A WebSocket of RFC 6455 by hand over TCP, for what well-behaved clients do not do: offer no subprotocol, stop reading,
 * leave pings unanswered.
 */
export class RawSocket {
  /** The status line and headers of the answer to the upgrade. */
  readonly head: string
  readonly messages: RawMessage[] = []
  ended = false
  readonly #socket: Socket
  #rest: Buffer

  private constructor(socket: Socket, head: string, rest: Buffer) {
    this.#socket = socket
    this.head = head
    this.#rest = rest
    socket.on('data', (data: Buffer) => this.#take(data))
    this.#take(Buffer.alloc(0))
  }

  /** Asks for an upgrade; `protocol` undefined offers none, `version` '' has none. Resolves with the answer, whatever it is. */
  static async open(url: string, protocol: string | readonly string[] | undefined, version = '13'): Promise<RawSocket> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const key = randomBytes(16).toString('base64')
    const lines = [
      'GET /v1/ws HTTP/1.1',
      `Host: ${hostname}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${key}`,
      ...(version === '' ? [] : [`Sec-WebSocket-Version: ${version}`]),
      // One header for each.
      ...[protocol ?? []].flat().map((one) => `Sec-WebSocket-Protocol: ${one}`),
    ]
    socket.on('error', () => undefined)
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    let answer = Buffer.alloc(0)
    while (!answer.includes('\r\n\r\n')) {
      const chunk = await new Promise<Buffer>((resolve) => {
        socket.once('data', resolve)
      })
      answer = Buffer.concat([answer, chunk])
    }
    const end = answer.indexOf('\r\n\r\n') + 4
    const raw = new RawSocket(socket, answer.subarray(0, end).toString(), answer.subarray(end))
    socket.on('close', () => {
      raw.ended = true
    })
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    if (raw.status === 101 && !raw.head.includes(accept)) throw new Error('The upgrade was answered wrongly')
    return raw
  }

  get status(): number {
    return Number(this.head.split(' ')[1])
  }

  /** The body of an answer that is no upgrade. */
  get body(): string {
    return this.#rest.toString()
  }

  /** Sends a frame, masked as a client must. */
  send(opcode: number, data: string | Uint8Array): void {
    const payload = Buffer.from(data as Uint8Array)
    const mask = randomBytes(4)
    // Control frames must be short, in this form too.
    const short = payload.length < 126
    const header = Buffer.alloc(short ? 2 : 10)
    header[0] = 0x80 | opcode
    header[1] = 0x80 | (short ? payload.length : 127)
    if (!short) header.writeBigUInt64BE(BigInt(payload.length), 2)
    for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i % 4]!
    this.#socket.write(Buffer.concat([header, mask, payload]))
  }

  /** Reads no more, until {@link resume}. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Cuts it. */
  destroy(): void {
    this.#socket.destroy()
  }

  async first(opcode: number): Promise<Buffer> {
    const find = () => this.messages.find((message) => message.opcode === opcode)
    await waitUntil(`a frame with opcode ${opcode} comes`, () => find() !== undefined)
    return find()!.payload
  }

  /** The close code that the server gives. */
  async closeCode(): Promise<number> {
    return (await this.first(Opcode.close)).readUInt16BE(0)
  }

  #take(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data])
    if (this.status !== 101) return
    for (let message = this.#shift(); message !== undefined; message = this.#shift()) this.messages.push(message)
  }

  /** Takes one whole frame off the bytes; servers send them unmasked. */
  #shift(): RawMessage | undefined {
    const bytes = this.#rest
    if (bytes.length < 2) return undefined
    const short = bytes[1]! & 127
    const start = short === 127 ? 10 : short === 126 ? 4 : 2
    if (bytes.length < start) return undefined
    const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
    if (bytes.length < start + length) return undefined
    this.#rest = bytes.subarray(start + length)
    return { opcode: bytes[0]! & 15, payload: bytes.subarray(start, start + length) }
  }
}
