/**
 * The batches that wait for an actor's turn, in front of nact's own queue, which has no bound and takes one message at
 * a time. Bounded by the envelopes and the bytes in it.
 */
export class Inbox<Item> {
  readonly #maxItems: number
  readonly #maxBytes: number
  #items: Item[] | undefined
  #next = 0
  /** Envelopes and bytes that were offered since the last turn began. */
  #offered = 0
  #offeredBytes = 0
  #turnWanted = false

  constructor(maxItems: number, maxBytes: number) {
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
  }

  get full(): boolean {
    return this.#offered >= this.#maxItems || this.#offeredBytes >= this.#maxBytes
  }

  /** Takes an item that holds so many envelopes and bytes; false: it is full. */
  offer(item: Item, envelopes: number, bytes: number): boolean {
    if (this.full) return false
    this.#offered += envelopes
    this.#offeredBytes += bytes
    this.#items ??= []
    this.#items.push(item)
    return true
  }

  /** The next item; undefined when it is empty. */
  shift(): Item | undefined {
    const items = this.#items
    if (items === undefined) return undefined
    const item = items[this.#next++]
    if (this.#next >= items.length) {
      this.#items = undefined
      this.#next = 0
    }
    return item
  }

  /** Whether a turn must be asked for; it is asked for once. */
  wantTurn(): boolean {
    const wanted = this.#turnWanted
    this.#turnWanted = true
    return !wanted
  }

  /** The turn begins. */
  takeTurn(): void {
    this.#turnWanted = false
    this.#offered = 0
    this.#offeredBytes = 0
  }
}
