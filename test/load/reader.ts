import { Kind } from '../../proto/frames.ts'
import type { ServerFrame } from '../../proto/frames.ts'
import { Device } from './device.ts'
import { messagesReceived } from './metrics.ts'
import type { Account } from './settings.ts'
import { decodeStamp } from './stamp.ts'

/** Acknowledges what comes, and sees to it that it comes once and in the order of its author. */
export class Reader {
  readonly device: Device
  #received = 0
  #caughtUpAt: number | undefined

  constructor(account: Account) {
    this.device = new Device(account, { frames: (frames) => this.#onFrames(frames) })
  }

  /** Messages, each counted once. */
  get received(): number {
    return this.#received
  }

  /** When all that waited at the last connect had come, in ms since 1970. */
  get caughtUpAt(): number | undefined {
    return this.#caughtUpAt
  }

  connect(): Promise<boolean> {
    this.#caughtUpAt = undefined
    return this.device.connect()
  }

  /** As the device's. */
  comeBack(deadline: number): Promise<boolean> {
    this.#caughtUpAt = undefined
    return this.device.comeBack(deadline)
  }

  #onFrames(frames: readonly ServerFrame[]): void {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type === 'caughtUp') this.#caughtUpAt = Date.now()
      if (frame.type !== 'deliver') continue
      upTo = frame.seq
      if (frame.envelope.kind === Kind.MESSAGE) this.#onMessage(frame.envelope.payload)
    }
    if (upTo > 0) this.device.send([{ type: 'ack', upTo }])
  }

  #onMessage(payload: Uint8Array): void {
    const { index } = decodeStamp(payload)
    if (index !== this.#received) this.device.fail(`Message ${index} came where ${this.#received} was due`)
    if (index < this.#received) return
    this.#received = index + 1
    messagesReceived.add(1)
  }
}
