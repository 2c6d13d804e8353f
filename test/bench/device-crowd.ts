/** Many devices that do nothing, in a process of its own: a process may open only so many files. */
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

export class DeviceCrowd {
  readonly #devices: Device[] = []
  #closed = 0

  /** Resolves when all sessions are open. */
  async connect({ url, accounts, localAddress }: CrowdOptions): Promise<void> {
    await forEachOf(accounts, CONCURRENCY, async (account) => {
      const options = { url, account, localAddress, onFrames: () => undefined, onClosed: () => void this.#closed++ }
      this.#devices.push(await Device.connect(options))
    })
  }

  /** How many sessions are open. */
  open(_argument: undefined): number {
    return this.#devices.length - this.#closed
  }

  /** Closes all of them. */
  leave(_argument: undefined): void {
    for (const device of this.#devices.splice(0)) device.close()
  }
}

if (import.meta.main) serve(new DeviceCrowd())
