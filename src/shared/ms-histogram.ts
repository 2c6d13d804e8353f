import type { Histogram, Registry } from 'prom-client'

interface Line {
  readonly metricName: string
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
}

/**
 * A histogram of milliseconds, shown in seconds. For what is observed with every message: it adds to an array of
 * numbers, which costs a fraction of what prom-client's own histogram does, and makes its text when it is asked for.
 */
export class MsHistogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  /** Upper bounds, rising; what is above the last one counts too. */
  readonly #boundsMs: readonly number[]
  readonly #counts: number[]
  #sumMs = 0

  constructor(name: string, help: string, boundsMs: readonly number[], registry: Registry) {
    this.name = name
    this.help = help
    this.#boundsMs = boundsMs
    this.#counts = Array.from({ length: boundsMs.length + 1 }, () => 0)
    // The types of prom-client name its own classes; the registry calls `get` and `reset` only.
    registry.registerMetric(this as unknown as Histogram)
  }

  /** What two clocks make negative counts as 0. */
  observe(ms: number): void {
    const bounds = this.#boundsMs
    let i = 0
    while (i < bounds.length && ms > bounds[i]!) i++
    this.#counts[i]!++
    if (ms > 0) this.#sumMs += ms
  }

  get(): { readonly name: string; readonly help: string; readonly type: string; readonly values: readonly Line[] } {
    const values: Line[] = []
    let count = 0
    for (const [i, own] of this.#counts.entries()) {
      count += own
      const le = i < this.#boundsMs.length ? this.#boundsMs[i]! / 1_000 : '+Inf'
      values.push({ metricName: `${this.name}_bucket`, value: count, labels: { le } })
    }
    values.push({ metricName: `${this.name}_sum`, value: this.#sumMs / 1_000, labels: {} })
    values.push({ metricName: `${this.name}_count`, value: count, labels: {} })
    return { name: this.name, help: this.help, type: this.type, values }
  }

  reset(): void {
    this.#counts.fill(0)
    this.#sumMs = 0
  }
}
