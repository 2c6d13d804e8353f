import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'

/** The lines of the standard input, one at a time; reading begins with the first call. */
export class LineReader {
  #input: Interface | undefined
  #ended = false
  readonly #lines: string[] = []
  #waiting: ((line: string | undefined) => void) | undefined

  /** undefined: there are no more. */
  next(): Promise<string | undefined> {
    this.#open()
    const line = this.#lines.shift()
    if (line !== undefined) return Promise.resolve(line)
    if (this.#ended) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  ask(question: string): Promise<string | undefined> {
    process.stdout.write(question)
    return this.next()
  }

  /** Leaves the standard input to somebody else. */
  close(): void {
    this.#input?.close()
  }

  #open(): void {
    if (this.#input !== undefined) return
    this.#input = createInterface({ input: process.stdin })
    this.#input.on('line', (line) => {
      if (this.#waiting === undefined) this.#lines.push(line)
      else this.#answer(line)
    })
    this.#input.on('close', () => {
      this.#ended = true
      this.#answer(undefined)
    })
  }

  #answer(line: string | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(line)
  }
}
