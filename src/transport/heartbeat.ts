/** Whoever is pinged: a connection. */
export interface Heartbeated {
  /** Something was heard of it since it was pinged last; the connection sets it, the heartbeat clears it. */
  alive: boolean
  /** Pings before the last one that were not answered. */
  missed: number
  /** Its place in the wheel. */
  spoke: number
  ping(): void
  /** Nothing was heard of it since the ping: it is closed. */
  onSilence(): void
}

const TICK_MS = 1_000

/**
 * Pings many connections evenly over the interval, with one timer for all: a wheel of which one spoke is pinged every
 * second. A connection that says nothing for `silenceMs` after a ping is told so, and gets more pings meanwhile: on a slow
 * line the answer waits behind a message that takes half a minute.
 */
export class Heartbeat<Connection extends Heartbeated> {
  readonly #spokes: Set<Connection>[]
  /** Of the time to answer: whole rounds of the wheel, and the ticks after them. */
  readonly #silentRounds: number
  readonly #silentTicks: number
  readonly #onTick: () => void
  #tick = 0
  #next = 0
  #timer: NodeJS.Timeout | undefined

  /** @param onTick called every second too */
  constructor(intervalMs: number, silenceMs: number, onTick: () => void) {
    const spokes = Math.max(2, Math.round(intervalMs / TICK_MS))
    this.#spokes = Array.from({ length: spokes }, () => new Set())
    const ticks = Math.max(1, Math.round(silenceMs / TICK_MS))
    this.#silentRounds = Math.floor((ticks - 1) / spokes)
    this.#silentTicks = ticks - this.#silentRounds * spokes
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
    connection.missed = 0
    connection.spoke = this.#next++ % this.#spokes.length
    this.#spokes[connection.spoke]?.add(connection)
  }

  remove(connection: Connection): void {
    this.#spokes[connection.spoke]?.delete(connection)
  }

  /** A second has passed. */
  tick(): void {
    this.#tick++
    for (const connection of this.#spoke(this.#tick - this.#silentTicks)) {
      if (!connection.alive && connection.missed >= this.#silentRounds) connection.onSilence()
    }
    for (const connection of this.#spoke(this.#tick)) {
      connection.missed = connection.alive ? 0 : connection.missed + 1
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
