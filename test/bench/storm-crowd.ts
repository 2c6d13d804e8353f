/** Devices that come back by themselves when they are cut off, in a process of its own. */
import { Kind } from '../../proto/frames.ts'
import type { CrowdOptions } from './crowds.ts'
import { monotonicMs } from './monotonic-clock.ts'
import { ReturningDevice } from './returning-device.ts'
import { serve } from './rpc.ts'
import { forEachOf } from './socket.ts'

export interface StormSample {
  readonly online: number
  /** Of each device: when it was online the last time, by the clock that all processes have, in ms. */
  readonly onlineAt: Float64Array
  /** Attempts to connect since the last {@link StormCrowd.lead}. */
  readonly attempts: number
  /** Messages that came, each counted once. */
  readonly messages: number
}

/** First connections at a time. */
const CONCURRENCY = 100

export class StormCrowd {
  readonly #devices: ReturningDevice[] = []
  readonly #messages = new Set<string>()
  #urls: readonly string[] = []
  #attempts = 0

  /** Resolves when all are online. */
  async connect({ urls, accounts, localAddress }: CrowdOptions): Promise<void> {
    this.#urls = urls
    await forEachOf(accounts, CONCURRENCY, async (account, i) => {
      const device = new ReturningDevice({
        account,
        localAddress,
        findUrl: () => {
          this.#attempts++
          return this.#urls[i % this.#urls.length]!
        },
        onEnvelope: ({ kind, id }) => {
          if (kind === Kind.MESSAGE) this.#messages.add(id)
        },
      })
      this.#devices.push(device)
      await device.online
    })
  }

  /** Where the devices go from now on when they come back: as a load balancer that knows which nodes are there. */
  lead({ urls }: { urls: readonly string[] }): void {
    this.#urls = urls
    this.#attempts = 0
  }

  /** Breaks all connections. @returns when, by the clock that all processes have, in ms */
  cut(_argument: undefined): number {
    const now = monotonicMs()
    for (const device of this.#devices) device.cut()
    return now
  }

  sample(_argument: undefined): StormSample {
    return {
      online: this.#devices.filter((device) => device.isOnline).length,
      onlineAt: Float64Array.from(this.#devices, ({ onlineAt }) => onlineAt),
      attempts: this.#attempts,
      messages: this.#messages.size,
    }
  }

  /** Ends all of them for good. */
  leave(_argument: undefined): void {
    for (const device of this.#devices.splice(0)) device.leave()
  }
}

if (import.meta.main) serve(new StormCrowd())
