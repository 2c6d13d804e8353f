const MiB = 1024 * 1024
const SHOW_EVERY = 16 * MiB

/** Shows on a terminal how many bytes have come, on one line. */
export class ByteCounter {
  readonly #verb: string
  readonly #out: NodeJS.WriteStream
  #bytes = 0
  #shown = 0

  constructor(verb: string, out: NodeJS.WriteStream) {
    this.#verb = verb
    this.#out = out
  }

  get text(): string {
    return `${(this.#bytes / MiB).toFixed(1)} MiB`
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (!this.#out.isTTY || this.#bytes - this.#shown < SHOW_EVERY) return
    this.#shown = this.#bytes
    this.#out.write(`\r${this.#verb} ${this.text}`)
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K')
  }
}
