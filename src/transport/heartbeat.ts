/** Whoever is pinged: a connection. */
export interface Heartbeated {
  /** Something was heard of it since it was pinged last; the connection sets it, the heartbeat clears it. */
  alive: boolean
  /** Its place in the wheel. */
  spoke: number
  ping(): void
  /** Nothing was heard of it since the ping: it is closed. */
  onSilence(): void
}

const TICK_MS = 1_000

/**
 * Pings many connections evenly over the interval, with one timer for all: a wheel of which one spoke is pinged every
 * second. A connection that says nothing for `silenceMs` after its ping is told so.
 */
export class Heartbeat<Connection extends Heartbeated> {
  readonly #spokes: Set<Connection>[]
  readonly #silenceTicks: number
  readonly #onTick: () => void
  #tick = 0
  #next = 0
  #timer: NodeJS.Timeout | undefined

  /** @param onTick called every second too */
  constructor(intervalMs: number, silenceMs: number, onTick: () => void) {
    const spokes = Math.max(2, Math.round(intervalMs / TICK_MS))
    this.#spokes = Array.from({ length: spokes }, () => new Set())
    this.#silenceTicks = Math.min(spokes - 1, Math.max(1, Math.round(silenceMs / TICK_MS)))
    this.#onTick = onTick
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  add(connection: Connection): void {
    connection.alive = true
    connection.spoke = this.#next++ % this.#spokes.length
    this.#spokes[connection.spoke]?.add(connection)
  }

  remove(connection: Connection): void {
    this.#spokes[connection.spoke]?.delete(connection)
  }

  /** A second has passed. */
  tick(): void {
    this.#tick++
    for (const connection of this.#spoke(this.#tick - this.#silenceTicks)) {
      if (!connection.alive) connection.onSilence()
    }
    for (const connection of this.#spoke(this.#tick)) {
      connection.alive = false
      connection.ping()
    }
    this.#onTick()
  }

  /** A copy: connections may go while it is walked through. */
  #spoke(tick: number): Connection[] {
    const spokes = this.#spokes.length
    return [...(this.#spokes[(tick + spokes) % spokes] ?? [])]
  }
}
