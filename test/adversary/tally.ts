/** What an attacker has sent, and what it got for it. */
export interface TallyCounts {
  readonly sentBytes: number
  readonly answeredBytes: number
  /** How often it was answered how: `429 RATE_LIMITED`, `error TOO_LARGE`, `close 4004`. */
  readonly answers: Readonly<Record<string, number>>
  /** What it reached that nobody may: in words. */
  readonly broke: readonly string[]
}

export const noCounts: TallyCounts = { sentBytes: 0, answeredBytes: 0, answers: {}, broke: [] }

/** Counts for one attacker. */
export class Tally {
  #sentBytes = 0
  #answeredBytes = 0
  readonly #answers = new Map<string, number>()
  readonly #broke = new Set<string>()

  sent(bytes: number): void {
    this.#sentBytes += bytes
  }

  answered(bytes: number): void {
    this.#answeredBytes += bytes
  }

  /** One answer, by what it says. */
  answer(name: string, times = 1): void {
    this.#answers.set(name, (this.#answers.get(name) ?? 0) + times)
  }

  /** The attacker got what it wanted. */
  broke(what: string): void {
    this.#broke.add(what)
  }

  get counts(): TallyCounts {
    return {
      sentBytes: this.#sentBytes,
      answeredBytes: this.#answeredBytes,
      answers: Object.fromEntries(this.#answers),
      broke: [...this.#broke],
    }
  }
}
