import { Backoff } from '../../client/backoff.ts'
import { mayReconnect } from '../../proto/close-codes.ts'
import type { ServerFrame, WireEnvelope } from '../../proto/frames.ts'
import type { Account } from './accounts.ts'
import { Device, NotConnectedError } from './device.ts'
import { monotonicMs } from './monotonic-clock.ts'

export interface ReturningDeviceOptions {
  readonly account: Account
  readonly localAddress: string
  /** Where the next attempt goes. */
  findUrl(): string
  onEnvelope(envelope: WireEnvelope): void
}

/** As the SDK: no session by then, and the attempt has failed. */
const ATTEMPT_TIMEOUT_MS = 15_000
/** A lost connection. */
const LOST = 1006

/** A device that acknowledges what it gets, and comes back by the SDK's rule whenever it is cut off. */
export class ReturningDevice {
  /** Resolves when it is online for the first time. */
  readonly online: Promise<void>
  /** When it came online the last time, by {@link monotonicMs}. */
  onlineAt = Number.NaN
  readonly #options: ReturningDeviceOptions
  readonly #backoff = new Backoff(Math.random)
  readonly #onOnline: () => void
  #device: Device | undefined
  /** Delivered and not yet acknowledged: it came together with `connected`. */
  #unacknowledged = 0
  #timer: NodeJS.Timeout | undefined
  #left = false

  constructor(options: ReturningDeviceOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.online = promise
    this.#onOnline = resolve
    void this.#attempt()
  }

  get isOnline(): boolean {
    return this.#device !== undefined
  }

  cut(): void {
    this.#device?.cut()
  }

  leave(): void {
    this.#left = true
    clearTimeout(this.#timer)
    this.#device?.close()
    this.#device = undefined
  }

  async #attempt(): Promise<void> {
    const { account, localAddress, findUrl } = this.#options
    try {
      const device = await Device.connect({
        url: findUrl(),
        account,
        localAddress,
        timeoutMs: ATTEMPT_TIMEOUT_MS,
        onFrames: (frames) => this.#received(frames),
        onClosed: (code) => this.#closed(code),
      })
      if (this.#left) return device.close()
      this.#device = device
      this.onlineAt = monotonicMs()
      this.#backoff.connected(this.onlineAt)
      this.#onOnline()
      if (this.#unacknowledged > 0) this.#acknowledge(device, this.#unacknowledged)
    } catch (error) {
      if (error instanceof NotConnectedError) this.#closed(error.code, error.retryAfterMs)
      else this.#closed(LOST)
    }
  }

  #closed(code: number, toldMs?: number): void {
    this.#device = undefined
    this.#unacknowledged = 0
    if (this.#left) return
    if (!mayReconnect(code)) throw new Error(`A device was closed with ${code}`)
    this.#timer = setTimeout(() => void this.#attempt(), this.#backoff.lost(code, monotonicMs(), toldMs))
  }

  #received(frames: readonly ServerFrame[]): void {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type !== 'deliver') continue
      upTo = frame.seq
      this.#options.onEnvelope(frame.envelope)
    }
    if (upTo === 0) return
    if (this.#device === undefined) this.#unacknowledged = upTo
    else this.#acknowledge(this.#device, upTo)
  }

  #acknowledge(device: Device, upTo: number): void {
    this.#unacknowledged = 0
    device.send([{ type: 'ack', upTo }])
  }
}
