/** Bytes that are held for many together, with one bound for all of them. */
export class Room {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#bytes
  }

  /** False: there is not so much left, and nothing is taken. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    return true
  }

  free(bytes: number): void {
    this.#bytes -= bytes
  }
}
