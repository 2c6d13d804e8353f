interface Delayed<Item> {
  readonly item: Item
  readonly dueAt: number
}

/** Hands every item over again after the same time, with one timer for all. */
export class DelayLine<Item> {
  readonly #delayMs: number
  readonly #hand: (item: Item) => void
  #items: Delayed<Item>[] = []
  #running = false

  constructor(delayMs: number, hand: (item: Item) => void) {
    this.#delayMs = delayMs
    this.#hand = hand
  }

  add(item: Item): void {
    this.#items.push({ item, dueAt: performance.now() + this.#delayMs })
    if (!this.#running) this.#runIn(this.#delayMs)
  }

  readonly #run = (): void => {
    const now = performance.now()
    let due = 0
    while (due < this.#items.length && this.#items[due]!.dueAt <= now) due++
    const items = this.#items.splice(0, due)
    for (const { item } of items) this.#hand(item)
    const next = this.#items[0]
    if (next === undefined) this.#running = false
    else this.#runIn(Math.max(0, next.dueAt - performance.now()))
  }

  #runIn(ms: number): void {
    this.#running = true
    setTimeout(this.#run, ms)
  }
}
