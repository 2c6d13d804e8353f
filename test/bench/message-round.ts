import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kind } from '../../proto/frames.ts'
import type { ErrorFrame, ServerFrame } from '../../proto/frames.ts'
import type { Device } from './device.ts'

/** What a round of messages came to. Times in ms, from the send. */
export interface RoundResult {
  readonly sent: number
  readonly acceptedMs: Float64Array
  readonly deliveredMs: Float64Array
  /** Sends that the server put off; they were repeated when it said. */
  readonly refused: number
  /** Messages that came again. */
  readonly twice: number
}

/** By the device of this index. */
interface Sent {
  readonly index: number
  readonly at: number
}

const PAYLOAD = crypto.getRandomValues(new Uint8Array(150))
const TICK_MS = 5
const TIMEOUT_MS = 60_000

/** Every device writes one message to its neighbour: the first one to the second, the second one to the first. */
export class MessageRound {
  readonly #devices: readonly Device[]
  /** By client id. */
  readonly #unaccepted = new Map<string, Sent>()
  readonly #undelivered = new Map<string, Sent>()
  readonly #acceptedMs: number[] = []
  readonly #deliveredMs: number[] = []
  #sent = 0
  #refused = 0
  #twice = 0

  constructor(devices: readonly Device[]) {
    if (devices.length % 2 === 1) throw new Error('A device has no neighbour')
    this.#devices = devices
  }

  /** Resolves when every message has its ✓ and is delivered, or too late. */
  async run(perSecond: number): Promise<RoundResult> {
    const startedAt = performance.now()
    const deadline = startedAt + (this.#devices.length / perSecond) * 1_000 + TIMEOUT_MS
    const isOver = (): boolean =>
      this.#sent === this.#devices.length && this.#unaccepted.size === 0 && this.#undelivered.size === 0
    while (!isOver() && performance.now() < deadline) {
      const due = Math.min(this.#devices.length, ((performance.now() - startedAt) * perSecond) / 1_000)
      while (this.#sent < due) this.#begin(this.#sent++)
      await delay(TICK_MS)
    }
    return {
      sent: this.#sent,
      acceptedMs: Float64Array.from(this.#acceptedMs),
      deliveredMs: Float64Array.from(this.#deliveredMs),
      refused: this.#refused,
      twice: this.#twice,
    }
  }

  /** Takes what came to a device, and acknowledges it. */
  received(index: number, frames: readonly ServerFrame[]): void {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type === 'accepted') {
        this.#end(this.#unaccepted, frame.id, this.#acceptedMs)
      } else if (frame.type === 'deliver') {
        upTo = frame.seq
        const { kind, id } = frame.envelope
        if (kind === Kind.MESSAGE && !this.#end(this.#undelivered, id, this.#deliveredMs)) this.#twice++
      } else if (frame.type === 'error') {
        this.#putOff(frame)
      }
    }
    if (upTo > 0) this.#devices[index]?.send([{ type: 'ack', upTo }])
  }

  #begin(index: number): void {
    const id = randomUUID()
    const message = { index, at: performance.now() }
    this.#unaccepted.set(id, message)
    this.#undelivered.set(id, message)
    this.#send(id, index)
  }

  #send(id: string, index: number): void {
    const to = this.#devices[index ^ 1]!.user
    const copies = [{ device: 1, registrationId: 0, payload: PAYLOAD }]
    const rest = { kind: Kind.MESSAGE, about: [], urgent: true, ttl: 0, first: true } as const
    this.#devices[index]!.send([{ type: 'send', id, to, copies, ...rest }])
  }

  #putOff({ id, temporary, retryAfterMs, code, message }: ErrorFrame): void {
    const sent = this.#unaccepted.get(id)
    if (sent === undefined || !temporary) throw new Error(`A message was refused: ${code}: ${message}`)
    this.#refused++
    setTimeout(() => this.#send(id, sent.index), retryAfterMs)
  }

  /** False: it was not waiting. */
  #end(waiting: Map<string, Sent>, id: string, times: number[]): boolean {
    const sent = waiting.get(id)
    if (sent === undefined) return false
    waiting.delete(id)
    times.push(performance.now() - sent.at)
    return true
  }
}
