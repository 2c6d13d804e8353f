import type { WebSocket } from 'ws'
import { decodeServerFrames, encodeClientFrames } from '../../proto/codec.ts'
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'
import type { Account } from './accounts.ts'
import { openSocket } from './socket.ts'

export interface DeviceOptions {
  /** `ws://…` of the server, without a path. */
  readonly url: string
  readonly account: Account
  readonly localAddress?: string
  /** The frames of each WebSocket message that comes after `connected`. */
  onFrames(frames: readonly ServerFrame[]): void
  onClosed(code: number): void
}

/** A connected device: raw frames over a socket, as light as a client can be. */
export class Device {
  readonly user: number
  readonly #socket: WebSocket

  private constructor(user: number, socket: WebSocket) {
    this.user = user
    this.#socket = socket
  }

  /** Resolves when the session is open. */
  static async connect({ url, account, localAddress, onFrames, onClosed }: DeviceOptions): Promise<Device> {
    const socket = await openSocket({
      url: `${url}/v1/ws`,
      protocol: 'parley.v1.proto',
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    const device = new Device(account.user, socket)
    let connected = false
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', (code: number) => {
        reject(new Error(`The server closed a session with ${code}`))
        onClosed(code)
      })
      socket.on('message', (data: Buffer) => {
        const frames = decodeServerFrames(data)
        if (connected) return onFrames(frames)
        if (frames[0]?.type !== 'connected') return
        connected = true
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
}
