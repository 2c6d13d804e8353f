/** Many devices that do next to nothing, in a process of its own: a process may open only so many files. */
import type { ClientFrame, ServerFrame } from '../../proto/frames.ts'
import type { Account } from './accounts.ts'
import { Device } from './device.ts'
import { serve } from './rpc.ts'
import { forEachOf } from './socket.ts'

export interface CrowdOptions {
  /** `ws://…` of the server. */
  readonly url: string
  readonly accounts: readonly Account[]
  /** Of the clients. */
  readonly localAddress: string
}

/** Connections opened at a time. */
const CONCURRENCY = 100
const PINGS_A_MESSAGE = 4_000

export class DeviceCrowd {
  readonly #devices: Device[] = []
  #closed = 0
  #pongs = 0
  #onPongs: () => void = () => undefined

  /** Resolves when all sessions are open. */
  async connect({ url, accounts, localAddress }: CrowdOptions): Promise<void> {
    const onFrames = (frames: readonly ServerFrame[]): void => this.#received(frames)
    const onClosed = (): void => void this.#closed++
    await forEachOf(accounts, CONCURRENCY, async (account) => {
      this.#devices.push(await Device.connect({ url, account, localAddress, onFrames, onClosed }))
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

  /** How many sessions are open. */
  open(_argument: undefined): number {
    return this.#devices.length - this.#closed
  }

  /** Closes all of them. */
  leave(_argument: undefined): void {
    for (const device of this.#devices.splice(0)) device.close()
  }

  #received(frames: readonly ServerFrame[]): void {
    for (const { type } of frames) if (type === 'pong') this.#pongs--
    if (this.#pongs === 0) this.#onPongs()
  }
}

if (import.meta.main) serve(new DeviceCrowd())
