import { randomUUID } from 'node:crypto'
import {
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
} from '../../proto/codec.ts'
import { Kind } from '../../proto/frames.ts'
import type { ClientFrame, ConnectedFrame, DeliverFrame, SendFrame, ServerFrame } from '../../proto/frames.ts'
import { waitUntil } from './wait-until.ts'

type FrameOf<Type, Frame = ServerFrame> = Frame extends { type: infer Own } ? (Type extends Own ? Frame : never) : never

export interface DeviceOptions {
  /** Speaks JSON instead of protobuf. */
  readonly json?: boolean
  /** Acknowledges each delivery at once. */
  readonly acks?: boolean
}

export interface ConnectOptions extends DeviceOptions {
  readonly number?: number
  readonly lastMessageId?: bigint
}

/** Whoever can be sent to. */
export interface Recipient {
  readonly user: number
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A message for a user's devices, with one payload for all. */
export function message(to: Recipient, body: string | Uint8Array, more: Partial<SendFrame> = {}): SendFrame {
  const payload = typeof body === 'string' ? text(body) : body
  return {
    type: 'send',
    id: randomUUID(),
    to: to.user,
    kind: Kind.MESSAGE,
    copies: [{ device: 1, registrationId: 0, payload }],
    about: [],
    urgent: false,
    ttl: 0,
    first: false,
    ...more,
  }
}

/** A receipt about messages. */
export function receipt(to: Recipient, kind: Kind, about: readonly string[]): SendFrame {
  return { ...message(to, ''), kind, copies: [], about }
}

/** The frame that opens a session. */
export function connectFrame(token: string, { number = 0, lastMessageId = 0n }: ConnectOptions = {}): ClientFrame {
  return { type: 'connect', token, client: 'test', number, lastMessageId }
}

/** One WebSocket connection that speaks the protocol frame by frame, and keeps all it hears. */
export class Device {
  readonly frames: ServerFrame[] = []
  /** Set when it is closed. */
  closed: { readonly code: number; readonly reason: string } | undefined
  /** Acknowledges each delivery at once. */
  acks: boolean
  readonly #socket: WebSocket
  readonly #json: boolean

  private constructor(socket: WebSocket, { json = false, acks = false }: DeviceOptions) {
    this.#socket = socket
    this.#json = json
    this.acks = acks
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => this.#hear(data as ArrayBuffer | string))
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason }
    })
  }

  /** Opens a WebSocket; nothing is said yet. */
  static async open(url: string, options: DeviceOptions = {}): Promise<Device> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, `parley.v1.${options.json ? 'json' : 'proto'}`)
    const device = new Device(socket, options)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('error', () => reject(new Error('The WebSocket was refused')))
    })
    return device
  }

  /** Opens a session and waits until it is there. */
  static async connect(url: string, token: string, options: ConnectOptions = {}): Promise<Device> {
    const device = await Device.open(url, options)
    device.send(connectFrame(token, options))
    await device.connected()
    return device
  }

  /** Sends frames as one WebSocket message. */
  send(...frames: ClientFrame[]): void {
    this.sendRaw(this.#json ? encodeClientFramesJson(frames) : encodeClientFrames(frames).slice())
  }

  sendRaw(data: string | Uint8Array): void {
    if (typeof data === 'string') this.#socket.send(data)
    else this.#socket.send(Uint8Array.from(data))
  }

  /** Sends a message and waits for its answer. */
  async say(to: Recipient, body: string, more: Partial<SendFrame> = {}): Promise<FrameOf<'accepted'>> {
    const frame = message(to, body, more)
    this.send(frame)
    return this.accepted(frame.id)
  }

  connected(): Promise<ConnectedFrame> {
    return this.waitFor('connected')
  }

  caughtUp(): Promise<FrameOf<'caughtUp'>> {
    return this.waitFor('caughtUp')
  }

  accepted(id: string): Promise<FrameOf<'accepted'>> {
    return this.waitFor('accepted', (frame) => frame.id === id)
  }

  refused(id: string): Promise<FrameOf<'error'>> {
    return this.waitFor('error', (frame) => frame.id === id)
  }

  /** The message with this body. */
  delivery(body: string): Promise<DeliverFrame> {
    return this.waitFor('deliver', ({ envelope }) => new TextDecoder().decode(envelope.payload) === body)
  }

  /** A receipt of this kind about a message. */
  receipt(kind: Kind, about: string): Promise<DeliverFrame> {
    return this.waitFor('deliver', ({ envelope }) => envelope.kind === kind && envelope.about.includes(about))
  }

  /** Whether everything sent before has been handled: a `ping` is answered in its turn. */
  async settled(): Promise<void> {
    const before = this.all('pong').length
    this.send({ type: 'ping' })
    await waitUntil('a pong comes', () => {
      if (this.closed !== undefined) throw new Error(`Closed with ${this.closed.code} while a pong was waited for`)
      return this.all('pong').length > before
    })
  }

  ack(upTo = this.all('deliver').at(-1)?.seq ?? 0): void {
    this.send({ type: 'ack', upTo })
  }

  close(): void {
    this.#socket.close()
  }

  /** Resolves with the close code. */
  async closing(): Promise<number> {
    await waitUntil('the connection is closed', () => this.closed !== undefined)
    return this.closed!.code
  }

  /** The first frame of a type, now or later, that fits. */
  async waitFor<Type extends ServerFrame['type']>(
    type: Type,
    fits: (frame: FrameOf<Type>) => boolean = () => true,
  ): Promise<FrameOf<Type>> {
    const find = () => this.all(type).find(fits)
    await waitUntil(`a fitting frame ${type} comes`, () => {
      if (this.closed !== undefined && find() === undefined) {
        throw new Error(`Closed with ${this.closed.code} while ${type} was waited for`)
      }
      return find() !== undefined
    })
    return find()!
  }

  all<Type extends ServerFrame['type']>(type: Type): FrameOf<Type>[] {
    return this.frames.filter((frame): frame is FrameOf<Type> & ServerFrame => frame.type === type)
  }

  /** The bodies of the messages, in the order of their delivery. */
  get bodies(): string[] {
    return this.all('deliver')
      .filter(({ envelope }) => envelope.kind === Kind.MESSAGE)
      .map(({ envelope }) => new TextDecoder().decode(envelope.payload))
  }

  #hear(data: ArrayBuffer | string): void {
    const frames = typeof data === 'string' ? decodeServerFramesJson(data) : decodeServerFrames(new Uint8Array(data))
    this.frames.push(...frames)
    const last = frames.findLast((frame) => frame.type === 'deliver')
    if (this.acks && last !== undefined && this.closed === undefined) this.ack(last.seq)
  }
}
