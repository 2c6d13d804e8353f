import { Kind } from '../../proto/frames.ts'
import type { SendFrame, ServerFrame } from '../../proto/frames.ts'
import { until } from './delay.ts'
import { Device } from './device.ts'
import { errors, messagesSent } from './metrics.ts'
import { type Account, settings } from './settings.ts'
import { encodeStamp } from './stamp.ts'

/** Messages without ✓. */
const WINDOW = 32

/** Writes to somebody who is away, and learns later that it arrived. */
export class Author {
  readonly device: Device
  readonly #to: number
  #messages = 0
  #sent = 0
  #accepted = 0
  readonly #delivered = new Set<string>()

  constructor(account: Account, to: Account) {
    this.#to = to.user
    this.device = new Device(account, { frames: (frames) => this.#onFrames(frames) })
  }

  /** Messages with ✓✓. */
  get delivered(): number {
    return this.#delivered.size
  }

  /** Writes so many messages. @returns whether all got ✓ before the deadline, in ms since 1970 */
  write(messages: number, deadline: number): Promise<boolean> {
    this.#messages = messages
    this.#fillWindow()
    return until(() => this.#accepted === messages, deadline)
  }

  #fillWindow(): void {
    const count = Math.min(WINDOW - (this.#sent - this.#accepted), this.#messages - this.#sent)
    if (count <= 0) return
    messagesSent.add(count)
    this.device.send(Array.from({ length: count }, () => this.#message()))
  }

  #message(): SendFrame {
    const first = this.#sent === this.#accepted
    const payload = encodeStamp({ sentAt: Date.now(), index: this.#sent++ }, settings.payloadBytes)
    const copies = [{ device: 1, registrationId: 0, payload }]
    const id = crypto.randomUUID()
    return { type: 'send', id, to: this.#to, kind: Kind.MESSAGE, copies, about: [], urgent: true, ttl: 0, first }
  }

  #onFrames(frames: readonly ServerFrame[]): void {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type === 'accepted') {
        this.#accepted++
        errors.add(false)
      }
      if (frame.type !== 'deliver') continue
      upTo = frame.seq
      if (frame.envelope.kind === Kind.DELIVERED) for (const id of frame.envelope.about) this.#delivered.add(id)
    }
    if (upTo > 0) this.device.send([{ type: 'ack', upTo }])
    this.#fillWindow()
  }
}
