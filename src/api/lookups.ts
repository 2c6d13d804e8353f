import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import type { UserId } from '../shared/ids.ts'
import { createLru } from '../shared/lru.ts'
import type { RateDecision } from '../shared/rate-limit.ts'
import type { Budgets } from './budgets.ts'
import { rateLimited } from './limiters.ts'

/** What a user may ask on this node. */
interface Account {
  /** Questions that were taken from the bucket and not asked yet; below 0: asked before they were taken. */
  left: number
  taking: boolean
  /** The bucket is empty, or away, until then: ms since 1970. */
  emptyUntil: number
}

const OK: RateDecision = { ok: true }
/** Users whose accounts a node remembers; one that is forgotten loses what it had taken. */
const MAX_USERS = 100_000
/** Taken at a time, of the default budget. */
const MAX_TAKEN = 50
/** Asked before they were taken, at most, of the default budget. */
const MAX_CREDIT = 200
const AWAY_RETRY_MS = 1_000

/**
 * Counts the questions that tell whether a number is registered, whichever way they are asked, by the user who asks. The
 * bucket is shared by all nodes; each takes some questions at a time from it, and lets a few pass before it has them, so
 * that nothing waits: a new conversation goes on while the database is away.
 */
export class Lookups {
  readonly #budgets: Budgets
  readonly #clock: Clock
  readonly #events: Events
  readonly #accounts = createLru<UserId, Account>(MAX_USERS)
  readonly #taken: number
  readonly #credit: number

  constructor(budgets: Budgets, clock: Clock, events: Events) {
    const { burst } = budgets.of('lookups', 0).limit
    this.#budgets = budgets
    this.#clock = clock
    this.#events = events
    this.#taken = Math.max(1, Math.min(MAX_TAKEN, Math.floor(burst / 100)))
    this.#credit = Math.max(1, Math.min(MAX_CREDIT, Math.floor(burst / 100)))
  }

  /** Counts one question of the user, or says when it may be asked. */
  spend(user: UserId): RateDecision {
    const account = this.#accounts.get(user) ?? this.#open(user)
    const now = this.#clock.now()
    const empty = now < account.emptyUntil
    if (account.left <= (empty ? 0 : -this.#credit)) {
      this.#events.rateLimited('lookups')
      return { ok: false, retryAfterMs: empty ? Math.ceil(account.emptyUntil - now) : AWAY_RETRY_MS }
    }
    account.left--
    if (account.left < this.#taken / 2 && !account.taking && !empty) void this.#take(user, account)
    return OK
  }

  /** @throws RefusalError with RATE_LIMITED */
  require(user: UserId): void {
    const decision = this.spend(user)
    if (!decision.ok) throw rateLimited('lookups', decision.retryAfterMs)
  }

  #open(user: UserId): Account {
    const account: Account = { left: 0, taking: false, emptyUntil: 0 }
    this.#accounts.set(user, account)
    return account
  }

  async #take(user: UserId, account: Account): Promise<void> {
    account.taking = true
    const wanted = this.#taken - Math.min(0, account.left)
    try {
      const answer = await this.#budgets.take([this.#budgets.of('lookups', user)], wanted)
      if (answer.taken) account.left += wanted
      else account.emptyUntil = this.#clock.now() + answer.retryAfterMs
    } catch {
      // The database is away: those on credit pass, and soon it is asked again.
    } finally {
      account.taking = false
    }
  }
}
