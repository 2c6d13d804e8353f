import type { Pool } from 'pg'
import type { Clock } from '../shared/clock.ts'
import { NODE_NUMBERS } from './message-stamps.ts'
import type { NodeNumberClaim } from './message-stamps.ts'

export interface NodeNumberOptions {
  readonly node: string
  /** How far ahead stamps are claimed: so long a node goes on without PostgreSQL. */
  readonly aheadMs: number
  readonly renewMs: number
}

export interface NodeNumberEvents {
  taskFailed(task: string, error: unknown): void
}

/** The lowest number that is free, or whose last claim has surely run out; taken by whoever updates it first. */
const CLAIM = `
  INSERT INTO node_numbers AS n (number, node, stamps_until)
  SELECT free.number, $1, $2
  FROM (
    SELECT series AS number FROM generate_series(0, ${NODE_NUMBERS - 1}) series
    LEFT JOIN node_numbers taken ON taken.number = series
    WHERE taken.number IS NULL OR taken.stamps_until < $3
    ORDER BY series LIMIT 1
  ) free
  ON CONFLICT (number) DO UPDATE SET node = excluded.node, stamps_until = excluded.stamps_until
    WHERE n.stamps_until < $3
  RETURNING number`

const RENEW = `UPDATE node_numbers SET stamps_until = $3 WHERE number = $1 AND node = $2 AND stamps_until <= $3`
const RELEASE = `UPDATE node_numbers SET stamps_until = $3 WHERE number = $1 AND node = $2`

const MAX_TRIES = 50

/**
 * This node's number in the stamps of messages, claimed in the first database up to a time and renewed ahead. Stamps are
 * made below that time only, and a number is given away only after it, so two nodes never make the same stamp: not even
 * when one of them was frozen.
 */
export class NodeNumber {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #options: NodeNumberOptions
  readonly #events: NodeNumberEvents
  /** Names this start of the node, since an earlier one may have left its claim behind. */
  readonly #holder: string
  #claim: NodeNumberClaim
  #timer: NodeJS.Timeout | undefined

  private constructor(pool: Pool, clock: Clock, options: NodeNumberOptions, events: NodeNumberEvents, claim: Claimed) {
    this.#pool = pool
    this.#clock = clock
    this.#options = options
    this.#events = events
    this.#holder = claim.holder
    this.#claim = claim
  }

  /** Claims a number and keeps it until {@link release}. */
  static async claim(
    pool: Pool,
    clock: Clock,
    options: NodeNumberOptions,
    events: NodeNumberEvents,
  ): Promise<NodeNumber> {
    const holder = `${options.node} ${crypto.randomUUID()}`
    for (let i = 0; i < MAX_TRIES; i++) {
      const now = clock.now()
      const until = now + options.aheadMs
      const { rows } = await pool.query<{ number: number }>(CLAIM, [holder, until, now])
      const number = rows[0]?.number
      if (number === undefined) continue
      const claimed = new NodeNumber(pool, clock, options, events, { number, until, holder })
      claimed.#timer = setInterval(() => void claimed.#renew(), options.renewMs)
      claimed.#timer.unref()
      return claimed
    }
    throw new Error(`All ${NODE_NUMBERS} node numbers are taken: see the table node_numbers`)
  }

  get claim(): NodeNumberClaim {
    return this.#claim
  }

  /** Gives the number back: nothing was stamped beyond the `stampedUntil` (ms since 1970). */
  async release(stampedUntil: number): Promise<void> {
    clearInterval(this.#timer)
    const { number } = this.#claim
    this.#claim = { number, until: 0 }
    await this.#pool.query(RELEASE, [number, this.#holder, stampedUntil])
  }

  async #renew(): Promise<void> {
    const until = this.#clock.now() + this.#options.aheadMs
    try {
      const { rowCount } = await this.#pool.query(RENEW, [this.#claim.number, this.#holder, until])
      // Somebody else has the number: the clock stood still for longer than the claim. Nothing is stamped any more.
      this.#claim = { number: this.#claim.number, until: rowCount === 1 ? until : 0 }
    } catch (error) {
      this.#events.taskFailed('renewing the node number', error)
    }
  }
}

interface Claimed extends NodeNumberClaim {
  readonly holder: string
}
