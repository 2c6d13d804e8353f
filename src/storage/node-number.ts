import type { Pool } from 'pg'
import { monotonicClock } from '../shared/clock.ts'
import type { Clock } from '../shared/clock.ts'
import { NODE_NUMBERS } from './message-stamps.ts'
import type { NodeNumberClaim, NodeNumberSource } from './message-stamps.ts'
import { NOW_MS } from './now-ms.ts'

export interface NodeNumberOptions {
  readonly node: string
  /** How far ahead stamps are claimed: so long a node goes on without PostgreSQL. */
  readonly aheadMs: number
  readonly renewMs: number
  /** Between two claims, and two tries of one, at least. */
  readonly claimPauseMs: number
}

export interface NodeNumberEvents {
  taskFailed(task: string, error: unknown): void
  /** The node stamps with another number from now on, and why. */
  nodeNumberChanged(number: number, reason: string): void
}

/**
 * The lowest number that is free, or whose last claim has surely run out; taken by whoever updates it first. The new claim
 * begins later than the one before ends, whatever PostgreSQL's clock did or will do: stamps of two claims never meet.
 */
const CLAIM = `
  WITH clock AS MATERIALIZED (SELECT ${NOW_MS} AS now), free AS (
    SELECT series AS number FROM clock CROSS JOIN generate_series(0, ${NODE_NUMBERS - 1}) series
    LEFT JOIN node_numbers taken ON taken.number = series
    WHERE taken.number IS NULL OR taken.stamps_until < clock.now
    ORDER BY series LIMIT 1
  )
  INSERT INTO node_numbers AS n (number, node, stamps_until)
  SELECT free.number, $1, clock.now + $2::bigint FROM free CROSS JOIN clock
  ON CONFLICT (number) DO UPDATE SET node = excluded.node, stamps_until = excluded.stamps_until
    WHERE n.stamps_until < excluded.stamps_until - $2::bigint
  RETURNING number, stamps_until AS until`

/** A claim only grows: what it reached before is kept when PostgreSQL's clock has stepped back. */
const RENEW = `
  UPDATE node_numbers SET stamps_until = greatest(stamps_until, greatest(${NOW_MS}, $4::bigint) + $3::bigint)
  WHERE number = $1 AND node = $2 RETURNING stamps_until AS until`
const RELEASE = `UPDATE node_numbers SET stamps_until = $3 WHERE number = $1 AND node = $2`

const MAX_TRIES = 50
/** Between two claims because of the clock, in pauses between tries. */
const ANOTHER_PAUSES = 20

/** A claim whose end moves on with each renewal. */
interface GrowingClaim extends NodeNumberClaim {
  until: number
}

/**
 * This node's number in the stamps of messages, claimed in the first database from a time up to another, both of them
 * PostgreSQL's, and renewed ahead. Stamps are made between them only, and a number is given away only for later, so two
 * nodes never make the same stamp: not even when one of them was frozen, or a clock stepped.
 */
export class NodeNumber implements NodeNumberSource {
  readonly #pool: Pool
  readonly #options: NodeNumberOptions
  readonly #events: NodeNumberEvents
  readonly #monotonic: Clock
  /** Names this start of the node, since an earlier one may have left its claim behind. */
  readonly #holder: string
  #claim: GrowingClaim
  #timer: NodeJS.Timeout | undefined
  /** A statement on the claim is under way. */
  #working: Promise<void> | undefined
  #notBefore = 0
  #notAnotherBefore = 0

  private constructor(
    pool: Pool,
    options: NodeNumberOptions,
    events: NodeNumberEvents,
    monotonic: Clock,
    holder: string,
    claim: GrowingClaim,
  ) {
    this.#pool = pool
    this.#options = options
    this.#events = events
    this.#monotonic = monotonic
    this.#holder = holder
    this.#claim = claim
  }

  /** Claims a number and keeps it until {@link release}. */
  static async claim(
    pool: Pool,
    options: NodeNumberOptions,
    events: NodeNumberEvents,
    monotonic: Clock = monotonicClock,
  ): Promise<NodeNumber> {
    const holder = `${options.node} ${crypto.randomUUID()}`
    const claim = await claimNumber(pool, holder, options.aheadMs)
    const claimed = new NodeNumber(pool, options, events, monotonic, holder, claim)
    claimed.#timer = setInterval(() => void claimed.#work(() => claimed.#renew()), options.renewMs)
    claimed.#timer.unref()
    return claimed
  }

  get claim(): NodeNumberClaim {
    return this.#claim
  }

  /** The claim has run out: it is renewed, or another one made. Nothing is done while that is under way or was just tried. */
  wantMore(atMs: number): void {
    if (this.#mayWork()) void this.#work(() => this.#renew(atMs))
  }

  /** Stamps have run far ahead of the clock: another number lets them begin at its time. */
  wantAnother(): void {
    if (!this.#mayWork() || this.#monotonic.now() < this.#notAnotherBefore) return
    // Lest a clock that never comes to rest uses up the numbers of all nodes.
    this.#notAnotherBefore = this.#monotonic.now() + ANOTHER_PAUSES * this.#options.claimPauseMs
    void this.#work(() => this.#change('the clock stepped back'))
  }

  /** Gives the number back: nothing was stamped beyond the `stampedUntil` (ms since 1970). */
  async release(stampedUntil: number): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#working
    const { number, from } = this.#claim
    this.#claim = { number, from, until: 0 }
    await this.#pool.query(RELEASE, [number, this.#holder, Math.max(from, stampedUntil)])
  }

  #mayWork(): boolean {
    return this.#timer !== undefined && this.#working === undefined && this.#monotonic.now() >= this.#notBefore
  }

  async #work(work: () => Promise<void>): Promise<void> {
    if (this.#working !== undefined) return
    this.#working = work()
      .catch((error: unknown) => this.#events.taskFailed('claiming the node number', error))
      .finally(() => {
        this.#working = undefined
        this.#notBefore = this.#monotonic.now() + this.#options.claimPauseMs
      })
    await this.#working
  }

  async #renew(atMs = 0): Promise<void> {
    const claim = this.#claim
    const { rows } = await this.#pool.query<{ until: string }>(RENEW, [
      claim.number,
      this.#holder,
      this.#options.aheadMs,
      atMs,
    ])
    const [row] = rows
    if (row !== undefined) claim.until = Number(row.until)
    else {
      // Somebody else has it: this node stood still for longer than its claim, or PostgreSQL's clock stepped over it.
      claim.until = 0
      await this.#change('another node has the number')
    }
  }

  async #change(reason: string): Promise<void> {
    this.#claim = await claimNumber(this.#pool, this.#holder, this.#options.aheadMs)
    this.#events.nodeNumberChanged(this.#claim.number, reason)
  }
}

async function claimNumber(pool: Pool, holder: string, aheadMs: number): Promise<GrowingClaim> {
  for (let i = 0; i < MAX_TRIES; i++) {
    const { rows } = await pool.query<{ number: number; until: string }>(CLAIM, [holder, aheadMs])
    const [row] = rows
    if (row === undefined) continue
    const until = Number(row.until)
    return { number: row.number, from: until - aheadMs, until }
  }
  throw new Error(`All ${NODE_NUMBERS} node numbers are taken: see the table node_numbers`)
}
