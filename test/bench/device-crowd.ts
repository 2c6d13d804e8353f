/** Many devices that do next to nothing, in a process of its own: a process may open only so many files. */
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'
import type { CrowdOptions } from './crowds.ts'
import { Device } from './device.ts'
import { MessageRound } from './message-round.ts'
import type { RoundResult } from './message-round.ts'
import { serve } from './rpc.ts'
import { forEachOf } from './socket.ts'

/** Connections opened at a time. */
const CONCURRENCY = 100
const PINGS_A_MESSAGE = 4_000

export class DeviceCrowd {
  readonly #devices: Device[] = []
  #closed = 0
  #pongs = 0
  #onPongs: () => void = () => undefined
  #round: MessageRound | undefined

  /** Resolves when all sessions are open. */
  async connect({ urls, accounts, localAddress }: CrowdOptions): Promise<void> {
    const onClosed = (): void => void this.#closed++
    await forEachOf(accounts, CONCURRENCY, async (account, i) => {
      const url = urls[i % urls.length]!
      const onFrames = (frames: readonly ServerFrame[]): void => this.#received(i, frames)
      this.#devices[i] = await Device.connect({ url, account, localAddress, onFrames, onClosed })
    })
  }

  /** Every device sends so many WebSocket messages full of pings, each when all devices have their pongs for the last. */
  async ping(messages: number): Promise<void> {
    if (this.#devices.length === 0) return
    const pings: ClientFrame[] = Array.from({ length: PINGS_A_MESSAGE }, () => ({ type: 'ping' }))
    for (let sent = 0; sent < messages; sent++) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#pongs = this.#devices.length * PINGS_A_MESSAGE
      this.#onPongs = resolve
      for (const device of this.#devices) device.send(pings)
      await promise
    }
  }

  /** Every device writes one message to its neighbour, so many a second; resolves when all have come, or in vain. */
  async write({ perSecond }: { perSecond: number }): Promise<RoundResult> {
    this.#round = new MessageRound(this.#devices)
    return this.#round.run(perSecond)
  }

  /** How many sessions are open. */
  open(_argument: undefined): number {
    return this.#devices.length - this.#closed
  }

  /** Closes all of them. */
  leave(_argument: undefined): void {
    for (const device of this.#devices.splice(0)) device.close()
  }

  #received(index: number, frames: readonly ServerFrame[]): void {
    for (const { type } of frames) if (type === 'pong') this.#pongs--
    if (this.#pongs === 0) this.#onPongs()
    this.#round?.received(index, frames)
  }
}

if (import.meta.main) serve(new DeviceCrowd())
