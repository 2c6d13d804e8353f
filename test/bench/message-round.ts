import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kind } from '../../proto/frames.ts'
import type { ServerFrame } from '../../proto/frames.ts'
import type { Device } from './device.ts'

/** What a round of messages came to. Times in ms, from the send. */
export interface RoundResult {
  readonly sent: number
  readonly acceptedMs: Float64Array
  readonly deliveredMs: Float64Array
  /** What came twice, or as an error. */
  readonly unexpected: number
}

const PAYLOAD = crypto.getRandomValues(new Uint8Array(150))
const TICK_MS = 5
const TIMEOUT_MS = 60_000

/** Every device writes one message to its neighbour: the first one to the second, the second one to the first. */
export class MessageRound {
  readonly #devices: readonly Device[]
  /** Client id → when it was sent. */
  readonly #unaccepted = new Map<string, number>()
  readonly #undelivered = new Map<string, number>()
  readonly #acceptedMs: number[] = []
  readonly #deliveredMs: number[] = []
  #sent = 0
  #unexpected = 0

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
      while (this.#sent < due) this.#send(this.#sent++)
      await delay(TICK_MS)
    }
    return {
      sent: this.#sent,
      acceptedMs: Float64Array.from(this.#acceptedMs),
      deliveredMs: Float64Array.from(this.#deliveredMs),
      unexpected: this.#unexpected,
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
        if (frame.envelope.kind === Kind.MESSAGE) this.#end(this.#undelivered, frame.envelope.id, this.#deliveredMs)
      } else if (frame.type === 'error') {
        this.#unexpected++
      }
    }
    if (upTo > 0) this.#devices[index]?.send([{ type: 'ack', upTo }])
  }

  #send(index: number): void {
    const id = randomUUID()
    const now = performance.now()
    this.#unaccepted.set(id, now)
    this.#undelivered.set(id, now)
    this.#devices[index]!.send([
      {
        type: 'send',
        id,
        to: this.#devices[index ^ 1]!.user,
        kind: Kind.MESSAGE,
        copies: [{ device: 1, registrationId: 0, payload: PAYLOAD }],
        about: [],
        urgent: true,
        ttl: 0,
        first: true,
      },
    ])
  }

  #end(waiting: Map<string, number>, id: string, times: number[]): void {
    const sentAt = waiting.get(id)
    if (sentAt === undefined) return void this.#unexpected++
    waiting.delete(id)
    times.push(performance.now() - sentAt)
  }
}
