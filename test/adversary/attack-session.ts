import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
} from '../../proto/codec.ts'
import type { ClientFrame, DeliverFrame, SendFrame, ServerFrame } from '../../proto/frames.ts'
import { Opcode } from '../helpers/raw-socket.ts'
import type { Tally } from './tally.ts'
import { FrameCutter, webSocketFrame } from './web-socket-bytes.ts'
import type { Wire } from './wire.ts'

/** Longer messages are counted and not looked into: their making is the server's affair, their reading costs us. */
const READ_BYTES = 65_536
/** WebSocket messages that are read of one session. */
const READ_MESSAGES = 5_000
/** The first of each session are read, however long. */
const FIRST_MESSAGES = 5
const ANSWER_MS = 15_000
const LOOK_MS = 5

export interface AttackSessionOptions {
  readonly json?: boolean
  /** Acknowledges what is delivered. */
  readonly acks?: boolean
}

/** A WebSocket of an attacker, with a session on it or not. */
export class AttackSession {
  readonly wire: Wire
  readonly #json: boolean
  readonly #acks: boolean
  readonly #tally: Tally
  readonly #cutter = new FrameCutter()
  readonly #connected = Promise.withResolvers<boolean>()
  #isConnected = false
  #read = 0
  #unanswered = 0

  private constructor(wire: Wire, tally: Tally, { json = false, acks = false }: AttackSessionOptions) {
    this.wire = wire
    this.#tally = tally
    this.#json = json
    this.#acks = acks
  }

  /** Upgrades a connection. Undefined: it was refused, and is over. */
  static async upgrade(
    wire: Wire,
    host: string,
    tally: Tally,
    options: AttackSessionOptions = {},
  ): Promise<AttackSession | undefined> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    let head = Buffer.alloc(0)
    wire.onData = (data) => {
      head = Buffer.concat([head, data])
      if (head.includes('\r\n\r\n')) resolve(head)
    }
    const over = AbortSignal.timeout(ANSWER_MS)
    void wire.ended(over).then(() => resolve(undefined))
    await wire.write(upgradeRequest(host, options.json === true))
    const answer = await promise
    const status = answer?.toString('latin1').split(' ')[1]
    if (answer === undefined || status !== '101') {
      tally.answer(status === undefined ? 'no upgrade' : `upgrade ${status}`)
      wire.destroy()
      return undefined
    }
    const session = new AttackSession(wire, tally, options)
    wire.onData = (data) => session.#take(data)
    session.#take(answer.subarray(answer.indexOf('\r\n\r\n') + 4))
    return session
  }

  get closed(): boolean {
    return this.wire.closed
  }

  /** Says who it is. False: it was sent away. */
  async connect(token: string, number = 0): Promise<boolean> {
    await this.send({ type: 'connect', token, client: 'hostile', number, lastMessageId: 0n })
    const timer = setTimeout(() => this.#connected.resolve(false), ANSWER_MS)
    void this.wire.ended(AbortSignal.timeout(ANSWER_MS)).then(() => this.#connected.resolve(false))
    const connected = await this.#connected.promise
    clearTimeout(timer)
    if (!connected) this.close()
    return connected
  }

  /** The bytes of one WebSocket message with these frames, to be sent often. */
  pack(frames: readonly ClientFrame[]): Buffer {
    return pack(frames, this.#json)
  }

  /** Sends messages, each of which is answered. Resolves when all but so many are; then it may go on. */
  async converse(sends: readonly SendFrame[], window: number, signal: AbortSignal): Promise<void> {
    this.#unanswered += sends.length
    await this.send(...sends)
    while (this.#unanswered > window && !this.closed && !signal.aborted) await delay(LOOK_MS)
  }

  send(...frames: ClientFrame[]): Promise<void> {
    return this.wire.write(this.pack(frames))
  }

  close(): void {
    this.wire.destroy()
  }

  #take(data: Buffer): void {
    for (const { opcode, payload } of this.#cutter.push(data)) {
      if (opcode === Opcode.close) {
        this.#tally.answer(`close ${payload.length >= 2 ? payload.readUInt16BE(0) : 1005}`)
        this.#connected.resolve(false)
        this.wire.destroy()
      } else if (opcode === Opcode.ping) {
        void this.wire.write(webSocketFrame(Opcode.pong, payload))
      } else if (opcode === Opcode.text || opcode === Opcode.binary) this.#hear(payload)
    }
  }

  #hear(payload: Buffer): void {
    const isLong = (payload.length > READ_BYTES && this.#read > FIRST_MESSAGES) || this.#read > READ_MESSAGES
    this.#read++
    if (isLong && this.#isConnected && !this.#acks) return this.#tally.answer('not read')
    const frames = this.#json ? decodeServerFramesJson(payload.toString()) : decodeServerFrames(payload)
    let last: DeliverFrame | undefined
    for (const frame of frames) {
      this.#tally.answer(nameOf(frame))
      if (frame.type === 'accepted' || frame.type === 'error') this.#unanswered--
      if (frame.type === 'connected') {
        this.#isConnected = true
        this.#connected.resolve(true)
      }
      if (frame.type === 'deliver') last = frame
    }
    if (this.#acks && last !== undefined) void this.send({ type: 'ack', upTo: last.seq })
  }
}

/** One WebSocket message as bytes on the wire. */
export function pack(frames: readonly ClientFrame[], json: boolean): Buffer {
  if (json) return webSocketFrame(Opcode.text, encodeClientFramesJson(frames))
  return webSocketFrame(Opcode.binary, encodeClientFrames(frames))
}

export function upgradeRequest(host: string, json: boolean): string {
  return [
    'GET /v1/ws HTTP/1.1',
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: parley.v1.${json ? 'json' : 'proto'}`,
    '\r\n',
  ].join('\r\n')
}

function nameOf(frame: ServerFrame): string {
  return frame.type === 'error' ? `error ${frame.code}` : frame.type
}
