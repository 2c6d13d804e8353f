import type { WebSocket } from 'ws'
import { decodeServerFrames, encodeClientFrames } from '../../proto/codec.ts'
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'
import type { Account } from './accounts.ts'
import { openSocket } from './socket.ts'

export interface DeviceOptions {
  /** `ws://…` of the node, without a path. */
  readonly url: string
  readonly account: Account
  readonly localAddress?: string
  /** An attempt that takes longer has failed; undefined: none does. */
  readonly timeoutMs?: number
  /** The frames of each WebSocket message that comes after `connected`. */
  onFrames(frames: readonly ServerFrame[]): void
  onClosed(code: number): void
}

/** The node closed a session before it was open. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError'
  readonly code: number
  /** When the node wants the client back; undefined: it did not say. */
  readonly retryAfterMs: number | undefined

  constructor(code: number, retryAfterMs: number | undefined) {
    super(`The server closed a session with ${code}`)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** A connected device: raw frames over a socket, as light as a client can be. */
export class Device {
  readonly user: number
  readonly #socket: WebSocket

  private constructor(user: number, socket: WebSocket) {
    this.user = user
    this.#socket = socket
  }

  /** Resolves when the session is open. @throws NotConnectedError, and errors of the socket */
  static async connect(options: DeviceOptions): Promise<Device> {
    const { url, account, localAddress, timeoutMs, onFrames, onClosed } = options
    const socket = await openSocket({ url: `${url}/v1/ws`, protocol: 'parley.v1.proto', localAddress, timeoutMs })
    const device = new Device(account.user, socket)
    let connected = false
    let retryAfterMs: number | undefined
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => socket.terminate(), timeoutMs)
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', (code: number) => {
        if (connected) onClosed(code)
        else reject(new NotConnectedError(code, retryAfterMs))
        clearTimeout(timer)
      })
      socket.on('message', (data: Buffer) => {
        const frames = decodeServerFrames(data)
        if (connected) return onFrames(frames)
        const [first] = frames
        if (first?.type === 'error') retryAfterMs = first.retryAfterMs
        if (first?.type !== 'connected') return
        connected = true
        clearTimeout(timer)
        resolve()
        if (frames.length > 1) onFrames(frames.slice(1))
      })
      device.send([{ type: 'connect', token: account.token, client: 'bench', number: 0, lastMessageId: 0n }])
    })
    return device
  }

  /** As one WebSocket message. */
  send(frames: readonly ClientFrame[]): void {
    this.#socket.send(encodeClientFrames(frames))
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.close()
  }

  /** Breaks the connection without a word. */
  cut(): void {
    this.#socket.terminate()
  }
}
