import type { Address } from '../shared/ids.ts'
import type { MailboxCheck } from '../storage/mailbox-rows.ts'
import type { MailboxActor } from './mailbox-actor.ts'
import type { Residents } from './residents.ts'

export interface PollerOptions {
  readonly intervalMs: number
  /** Answers for each mailbox, in order. */
  check(mailboxes: readonly Address[]): Promise<readonly MailboxCheck[]>
  onFailure(error: unknown): void
}

const BATCH = 500
const JITTER = 0.2

/**
 * Re-checks the rows of every resident mailbox, busy or not: wakes serve speed, the poll serves truth. Also finds out
 * that a device has a newer connection elsewhere, or is gone.
 */
export class Poller {
  readonly #residents: Residents
  readonly #options: PollerOptions
  #timer: NodeJS.Timeout | undefined

  constructor(residents: Residents, options: PollerOptions) {
    this.#residents = residents
    this.#options = options
  }

  start(): void {
    const { intervalMs } = this.#options
    const waitMs = intervalMs * (1 + JITTER * (Math.random() - 0.5))
    this.#timer = setTimeout(() => void this.#tick(), waitMs)
    this.#timer.unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Checks all mailboxes now. */
  async poll(): Promise<void> {
    const actors = [...this.#residents].filter((actor) => actor.routable)
    for (let i = 0; i < actors.length; i += BATCH) await this.#check(actors.slice(i, i + BATCH))
  }

  async #tick(): Promise<void> {
    try {
      await this.poll()
    } catch (error) {
      this.#options.onFailure(error)
    }
    if (this.#timer !== undefined) this.start()
  }

  async #check(actors: readonly MailboxActor[]): Promise<void> {
    const checks = await this.#options.check(actors.map(({ address }) => address))
    for (const [i, actor] of actors.entries()) {
      const check = checks[i]
      if (check === undefined || actor.closed) continue
      actor.checkHolder(check.holder)
      if (check.waiting) actor.wake()
    }
  }
}
