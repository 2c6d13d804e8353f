import { randomUUID } from 'node:crypto'
import { Kind } from '../../proto/frames.ts'
import type { ServerFrame } from '../../proto/frames.ts'
import { Device, NotConnectedError } from '../bench/device.ts'
import { message } from '../helpers/device.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'

const ATTEMPT_MS = 10_000
const RETURN_MS = 250
const TICK_MS = 100

interface Waiting {
  readonly to: number
  readonly since: number
  readonly timer?: NodeJS.Timeout
}

/** Somebody who only wants to talk: writes at a modest rate, resends what has no ✓, comes back whenever it is cut off. */
export class Bystander {
  readonly account: RawDevice
  /** From the first attempt to ✓, in ms. */
  readonly acceptedMs: number[] = []
  /** Client ids that have ✓, with whom they are for. */
  readonly accepted = new Map<string, number>()
  /** Client ids of the messages that came. */
  readonly got = new Set<string>()
  /** Sessions that ended without its will, and attempts that failed. */
  cutOffs = 0
  /** Sends that the server put off. */
  putOff = 0
  readonly #url: string
  readonly #address: string
  readonly #waiting = new Map<string, Waiting>()
  #device: Device | undefined
  #wanted = false
  #attempting = false
  #writer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined

  constructor(url: string, account: RawDevice, address: string) {
    this.#url = url.replace('http', 'ws')
    this.account = account
    this.#address = address
  }

  get isOnline(): boolean {
    return this.#device !== undefined
  }

  /** Sends that have no ✓ yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** How long the oldest of them waits, in ms. */
  get longestWaitMs(): number {
    const [oldest] = this.#waiting.values()
    return oldest === undefined ? 0 : performance.now() - oldest.since
  }

  /** From now on it is online whenever it can be. */
  arrive(): void {
    this.#wanted = true
    void this.#attempt()
  }

  /** Writes to each of them in turn, one message in 100 ms. */
  talkTo(...users: readonly number[]): void {
    let next = 0
    this.#writer = setInterval(() => this.#write(users[next++ % users.length]!), TICK_MS)
  }

  /** Writes nothing more, and goes on to resend. */
  fallSilent(): void {
    clearInterval(this.#writer)
  }

  leave(): void {
    this.fallSilent()
    this.#wanted = false
    clearTimeout(this.#retry)
    this.#device?.close()
    this.#device = undefined
  }

  #write(to: number): void {
    const id = randomUUID()
    this.#waiting.set(id, { to, since: performance.now() })
    this.#send(id, to)
  }

  #send(id: string, to: number): void {
    this.#device?.send([message({ user: to }, 'hello', { id, first: true })])
  }

  async #attempt(): Promise<void> {
    if (this.#attempting || !this.#wanted || this.#device !== undefined) return
    this.#attempting = true
    let toldMs = 0
    try {
      const early: ServerFrame[] = []
      let device: Device | undefined
      device = await Device.connect({
        url: this.#url,
        account: { user: this.account.user, token: this.account.token },
        localAddress: this.#address,
        timeoutMs: ATTEMPT_MS,
        onFrames: (frames) => {
          if (device === undefined) early.push(...frames)
          else this.#hear(frames)
        },
        onClosed: () => this.#cutOff(),
      })
      this.#device = device
      if (!this.#wanted) return this.leave()
      this.#hear(early)
      for (const [id, { to }] of this.#waiting) this.#send(id, to)
    } catch (error) {
      if (error instanceof NotConnectedError) toldMs = error.retryAfterMs ?? 0
      this.#cutOff(toldMs)
    } finally {
      this.#attempting = false
    }
  }

  #cutOff(toldMs = 0): void {
    this.#device = undefined
    if (!this.#wanted) return
    this.cutOffs++
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#attempt(), Math.max(RETURN_MS, toldMs))
  }

  #hear(frames: readonly ServerFrame[]): void {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type === 'accepted') this.#accept(frame.id)
      else if (frame.type === 'error') this.#hearError(frame.id, frame.retryAfterMs)
      else if (frame.type === 'deliver') {
        upTo = frame.seq
        if (frame.envelope.kind === Kind.MESSAGE) this.got.add(frame.envelope.id)
      }
    }
    if (upTo > 0) this.#device?.send([{ type: 'ack', upTo }])
  }

  #accept(id: string): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    this.accepted.set(id, waiting.to)
    this.acceptedMs.push(performance.now() - waiting.since)
  }

  #hearError(id: string, retryAfterMs: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.putOff++
    setTimeout(() => {
      if (this.#waiting.has(id)) this.#send(id, waiting.to)
    }, retryAfterMs)
  }
}
