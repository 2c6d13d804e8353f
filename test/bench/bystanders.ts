/** Devices that write at a steady rate, whatever happens to others, in a process of its own. */
import type { Account } from './accounts.ts'
import { Bystander } from './bystander.ts'
import { serve } from './rpc.ts'
import { forEachOf } from './socket.ts'

export interface BystandersOptions {
  readonly url: string
  readonly accounts: readonly Account[]
  readonly localAddress: string
  /** Users they write to besides one another. */
  readonly strangers: readonly number[]
}

/** Of all bystanders together. */
export interface BystandersSample {
  readonly sent: number
  /** When each message was due that has its ✓ by now, by the clock that all processes have; and how long that took. In ms. */
  readonly dueAt: Float64Array
  readonly acceptedMs: Float64Array
  /** Sends that the server put off; they were repeated when it said. */
  readonly refused: number
  /** Messages that came, each counted once. */
  readonly messages: number
}

const CONCURRENCY = 50
const TICK_MS = 5
const FINISH_TIMEOUT_MS = 60_000

export class Bystanders {
  readonly #bystanders: Bystander[] = []
  #pacer: NodeJS.Timeout | undefined
  #sent = 0

  /** Resolves when all are online. */
  async connect({ url, accounts, localAddress, strangers }: BystandersOptions): Promise<void> {
    await forEachOf(accounts, CONCURRENCY, async (account, i) => {
      const others = accounts.filter((other) => other !== account).map(({ user }) => user)
      const share = strangers.filter((_, k) => k % accounts.length === i)
      // Half of the messages go to either.
      const recipients = others.flatMap((other, k) => (share.length === 0 ? other : [other, share[k % share.length]!]))
      this.#bystanders[i] = await Bystander.connect({ url, account, localAddress, recipients })
    })
  }

  /** Begins to write, so many messages a second, by all of them in turn. */
  start({ perSecond }: { perSecond: number }): void {
    const startedAt = performance.now()
    const first = this.#sent
    this.#pacer = setInterval(() => {
      const due = first + ((performance.now() - startedAt) * perSecond) / 1_000
      while (this.#sent < due) this.#bystanders[this.#sent++ % this.#bystanders.length]!.write()
    }, TICK_MS)
  }

  sample(_argument: undefined): BystandersSample {
    const all = this.#bystanders
    return {
      sent: this.#sent,
      dueAt: Float64Array.from(all.flatMap(({ accepted }) => accepted.map(({ dueAt }) => dueAt))),
      acceptedMs: Float64Array.from(all.flatMap(({ accepted }) => accepted.map(({ ms }) => ms))),
      refused: all.reduce((sum, { refused }) => sum + refused, 0),
      messages: all.reduce((sum, { messages }) => sum + messages, 0),
    }
  }

  /** Writes nothing more; resolves when every message has its ✓, or too late. */
  async finish(_argument: undefined): Promise<void> {
    clearInterval(this.#pacer)
    const deadline = performance.now() + FINISH_TIMEOUT_MS
    while (this.#bystanders.some(({ waiting }) => waiting > 0) && performance.now() < deadline) {
      await new Promise((resolve) => {
        setTimeout(resolve, TICK_MS)
      })
    }
  }
}

serve(new Bystanders())
