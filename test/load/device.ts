import './codec-globals.ts'
import { WebSocket } from 'k6/websockets'
import { Backoff } from '../../client/backoff.ts'
import { mayReconnect } from '../../proto/close-codes.ts'
import {
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
} from '../../proto/codec.ts'
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'
import { delay, until } from './delay.ts'
import { connectMs, errors, refusals, sessions } from './metrics.ts'
import { type Account, settings } from './settings.ts'

export interface DeviceEvents {
  /** What came in one WebSocket message. */
  frames(frames: readonly ServerFrame[]): void
}

/** How an attempt to connect ended. */
interface Attempt {
  began: boolean
  why: string
  /** What the server asked for. */
  toldMs?: number
}

const WIRE_URL = `${settings.url.replace(/^http/, 'ws')}/v1/ws`
const SEND_MS = 5_000
const NO_CODE = 1006
const isBinary = settings.encoding === 'binary'
const SUBPROTOCOL = isBinary ? 'parley.v1.proto' : 'parley.v1.json'

/** A device and its connection. What the server refuses is an error, and so is a session that the device did not end. */
export class Device {
  readonly account: Account
  readonly #events: DeviceEvents
  readonly #backoff = new Backoff(Math.random)
  #socket: WebSocket | undefined

  constructor(account: Account, events: DeviceEvents) {
    this.account = account
    this.#events = events
  }

  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  /** Opens a connection in the place of the one before. @returns whether the session began */
  async connect(): Promise<boolean> {
    const { began, why } = await this.#open()
    if (!began) this.fail(why)
    return began
  }

  /**
   * The same, but again and again, with the patience of the SDK: being refused is no error for a while.
   *
   * @param deadline - ms since 1970
   */
  async comeBack(deadline: number): Promise<boolean> {
    for (;;) {
      const { began, why, toldMs } = await this.#open()
      const now = Date.now()
      if (began) {
        this.#backoff.connected(now)
        return true
      }
      const code = Number(/close (\d{4})/.exec(why)?.[1] ?? NO_CODE)
      const afterMs = this.#backoff.lost(code, now, toldMs)
      if (!mayReconnect(code) || now + afterMs > deadline) {
        this.fail(why)
        return false
      }
      refusals.add(1)
      await delay(afterMs)
    }
  }

  send(frames: readonly ClientFrame[]): void {
    // k6 sends later, and the codec uses its buffer again.
    this.#socket?.send(isBinary ? encodeClientFrames(frames).slice() : encodeClientFramesJson(frames))
  }

  /** Closes once everything has been sent: k6 lets a close overtake what still waits. */
  async leave(): Promise<void> {
    const socket = this.#socket
    await until(() => socket === undefined || socket.bufferedAmount === 0, Date.now() + SEND_MS)
    this.close()
  }

  close(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.close(1_000)
  }

  /** Counts and prints an error. */
  fail(why: string): void {
    errors.add(true)
    console.error(`${this.account.user}: ${why}`)
  }

  #open(): Promise<Attempt> {
    this.close()
    const dialledAt = Date.now()
    const attempt: Attempt = { began: false, why: 'The connection ended' }
    const socket = new WebSocket(WIRE_URL, null, { headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL } })
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    return new Promise((resolve) => {
      const end = (why?: string): void => {
        if (this.#socket !== socket) return
        this.#socket = undefined
        if (why !== undefined) attempt.why = why
        if (attempt.began) this.fail(attempt.why)
        resolve(attempt)
      }
      socket.addEventListener('open', () => {
        const { token } = this.account
        // The server counts the connections: setup() and teardown() share nothing that could.
        this.send([{ type: 'connect', token, client: 'load', number: 0, lastMessageId: 0n }])
      })
      socket.addEventListener('message', (event) => {
        if (this.#socket !== socket || !('data' in event)) return
        const frames = decode(event.data as string | ArrayBuffer)
        for (const frame of frames) {
          if (frame.type === 'connected') {
            attempt.began = true
            sessions.add(1)
            errors.add(false)
            connectMs.add(Date.now() - dialledAt)
            resolve(attempt)
          } else if (frame.type === 'error') {
            attempt.toldMs = frame.retryAfterMs
            if (attempt.began) this.fail(`${frame.code}: ${frame.message}`)
          }
        }
        this.#events.frames(frames)
      })
      socket.addEventListener('error', (event) => end('error' in event ? event.error : undefined))
      socket.addEventListener('close', () => end())
    })
  }
}

function decode(data: string | ArrayBuffer): ServerFrame[] {
  return typeof data === 'string' ? decodeServerFramesJson(data) : decodeServerFrames(new Uint8Array(data))
}
