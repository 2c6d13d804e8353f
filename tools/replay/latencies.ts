/** Measured times and their percentiles (nearest rank). */
export class Latencies {
  readonly #valuesMs: number[] = []

  add(valueMs: number): void {
    this.#valuesMs.push(valueMs)
  }

  get count(): number {
    return this.#valuesMs.length
  }

  /** @param share - 0.5 for the median; undefined while nothing was measured */
  percentileMs(share: number): number | undefined {
    const sorted = this.#valuesMs.toSorted((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  }
}
