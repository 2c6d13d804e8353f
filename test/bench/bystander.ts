import { randomUUID } from 'node:crypto'
import { Kind } from '../../proto/frames.ts'
import type { ErrorFrame, ServerFrame } from '../../proto/frames.ts'
import type { Account } from './accounts.ts'
import { Device } from './device.ts'
import { monotonicMs } from './monotonic-clock.ts'

export interface BystanderOptions {
  readonly url: string
  readonly account: Account
  readonly localAddress: string
  /** Whom it writes to, over and over. */
  readonly recipients: readonly number[]
}

interface Waiting {
  readonly id: string
  readonly to: number
  readonly dueAt: number
}

const PAYLOAD = crypto.getRandomValues(new Uint8Array(150))

/** A device that writes when it is told to, and repeats what the server puts off. */
export class Bystander {
  readonly accepted: { readonly dueAt: number; readonly ms: number }[] = []
  refused = 0
  readonly #recipients: readonly number[]
  readonly #waiting = new Map<string, Waiting>()
  /** Recipients of what waits: one message to each at a time, so that a refusal holds up none behind it. */
  readonly #busy = new Set<number>()
  readonly #messages = new Set<string>()
  #device!: Device
  #next = 0

  private constructor(recipients: readonly number[]) {
    this.#recipients = recipients
  }

  static async connect({ recipients, ...options }: BystanderOptions): Promise<Bystander> {
    const bystander = new Bystander(recipients)
    bystander.#device = await Device.connect({
      ...options,
      onFrames: (frames) => bystander.#received(frames),
      onClosed: (code) => {
        throw new Error(`A bystander was closed with ${code}`)
      },
    })
    return bystander
  }

  /** Sends that have no ✓ yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Messages that came, each counted once. */
  get messages(): number {
    return this.#messages.size
  }

  write(): void {
    const to = this.#nextRecipient()
    const message = { id: randomUUID(), to, dueAt: monotonicMs() }
    this.#busy.add(to)
    this.#waiting.set(message.id, message)
    this.#send(message)
  }

  /** @throws Error when all have a message under way */
  #nextRecipient(): number {
    for (let i = 0; i < this.#recipients.length; i++) {
      const to = this.#recipients[this.#next++ % this.#recipients.length]!
      if (!this.#busy.has(to)) return to
    }
    throw new Error('A bystander has nobody left to write to')
  }

  #send({ id, to }: Waiting): void {
    const copies = [{ device: 1, registrationId: 0, payload: PAYLOAD }]
    const rest = { kind: Kind.MESSAGE, about: [], urgent: true, ttl: 0, first: true } as const
    this.#device.send([{ type: 'send', id, to, copies, ...rest }])
  }

  #received(frames: readonly ServerFrame[]): void {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type === 'accepted') {
        this.#accepted(frame.id)
      } else if (frame.type === 'error') {
        this.#putOff(frame)
      } else if (frame.type === 'deliver') {
        upTo = frame.seq
        if (frame.envelope.kind === Kind.MESSAGE) this.#messages.add(frame.envelope.id)
      }
    }
    if (upTo > 0) this.#device.send([{ type: 'ack', upTo }])
  }

  #accepted(id: string): void {
    const message = this.#waiting.get(id)
    if (message === undefined) return
    this.#waiting.delete(id)
    this.#busy.delete(message.to)
    this.accepted.push({ dueAt: message.dueAt, ms: monotonicMs() - message.dueAt })
  }

  #putOff({ id, temporary, retryAfterMs, code, message }: ErrorFrame): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined || !temporary) throw new Error(`A bystander was refused: ${code}: ${message}`)
    this.refused++
    setTimeout(() => this.#send(waiting), retryAfterMs)
  }
}
