import type { Append } from './journal-op.ts'

const COMPACT_FROM = 256

/** Appends that wait, oldest first. Struck ones stay in place until they are passed, or are the greater part. */
export class AppendLane {
  #appends: Append[] = []
  #struck = 0

  push(append: Append): void {
    this.#appends.push(append)
  }

  /** An append of this lane was struck out. */
  struck(): void {
    this.#struck++
    if (this.#struck < COMPACT_FROM || this.#struck * 2 < this.#appends.length) return
    this.#appends = this.#appends.filter(({ state }) => state === 'buffered')
    this.#struck = 0
  }

  /** The oldest one; undefined when the lane is empty. */
  first(): Append | undefined {
    this.#drop(this.#appends.findIndex(({ state }) => state === 'buffered'))
    return this.#appends[0]
  }

  /** Moves those of up to `upTo` ms into `taken`, until that holds `limit`. */
  take(taken: Append[], limit: number, upTo: number): void {
    let i = 0
    for (; i < this.#appends.length && taken.length < limit; i++) {
      const append = this.#appends[i]!
      if (append.state !== 'buffered') continue
      if (append.bufferedAt > upTo) break
      append.state = 'flushing'
      taken.push(append)
    }
    this.#struck = Math.max(0, this.#struck - i)
    this.#drop(i === this.#appends.length ? -1 : i)
  }

  /** Takes out those that the predicate holds for, into `taken`. */
  extract(taken: Append[], isWanted: (append: Append) => boolean): void {
    const left: Append[] = []
    for (const append of this.#appends) {
      if (append.state !== 'buffered') continue
      if (isWanted(append)) {
        append.state = 'flushing'
        taken.push(append)
      } else {
        left.push(append)
      }
    }
    this.#appends = left
    this.#struck = 0
  }

  #drop(count: number): void {
    if (count === 0) return
    this.#appends = count === -1 ? [] : this.#appends.slice(count)
    if (count === -1) this.#struck = 0
  }
}
