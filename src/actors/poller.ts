import type { Address } from '../shared/ids.ts'
import type { MailboxCheck } from '../storage/mailbox-rows.ts'
import type { MailboxActor } from './mailbox-actor.ts'
import type { Residents } from './residents.ts'

export interface PollerOptions {
  readonly intervalMs: number
  /** The same while no wakes come. */
  readonly deafIntervalMs: number
  /** Whether wakes come from other nodes. */
  hearsWakes(): boolean
  /** Called at each poll that makes up for missed wakes. */
  onDeaf(): void
  /** Answers for each mailbox, in order. Undefined: it is moving, and nothing can be said. */
  check(mailboxes: readonly Address[]): Promise<readonly (MailboxCheck | undefined)[]>
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
  /** When the next poll is due (monotonic ms), if wakes come. */
  #dueAt = 0

  constructor(residents: Residents, options: PollerOptions) {
    this.#residents = residents
    this.#options = options
  }

  start(): void {
    this.#dueAt = performance.now() + this.#options.intervalMs * (1 + JITTER * (Math.random() - 0.5))
    this.#wait()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Checks these mailboxes now. */
  async poll(mailboxes: Iterable<MailboxActor>): Promise<void> {
    const actors = [...mailboxes].filter((actor) => actor.routable)
    for (let i = 0; i < actors.length; i += BATCH) await this.#check(actors.slice(i, i + BATCH))
  }

  #wait(): void {
    const { intervalMs, deafIntervalMs } = this.#options
    this.#timer = setTimeout(() => void this.#tick(), Math.min(intervalMs, deafIntervalMs))
    this.#timer.unref()
  }

  async #tick(): Promise<void> {
    const due = performance.now() >= this.#dueAt
    const deaf = !this.#options.hearsWakes()
    if (deaf) this.#options.onDeaf()
    if (due || deaf) {
      try {
        await this.poll(this.#residents)
      } catch (error) {
        this.#options.onFailure(error)
      }
    }
    if (this.#timer === undefined) return
    if (due) this.start()
    else this.#wait()
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
