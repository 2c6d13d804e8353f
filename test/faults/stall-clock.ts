/** The longest time for which messages were on their way and none was displayed. Clocks stay outside. */
export class StallClock {
  #outstanding = 0
  #since = 0
  #longestMs = 0

  get longestMs(): number {
    return this.#longestMs
  }

  sent(now: number): void {
    if (this.#outstanding === 0) this.#since = now
    this.#outstanding++
  }

  displayed(now: number): void {
    this.#outstanding--
    this.#longestMs = Math.max(this.#longestMs, now - this.#since)
    this.#since = now
  }
}
