import { emitKeypressEvents } from 'node:readline'
import type { Key } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Origin } from './draft.ts'

export interface KeyboardHandlers {
  /** Characters that came together: at once, since each one alone would cost as much as all of them. */
  text(text: string, origin: Origin): void
  /** Every other key. */
  key(key: Key): void
}

const CONTROL_C = '\u{3}'
const PRINTABLE = /^\P{Cc}+$/u

/** The keys of a terminal in raw mode, and what is pasted where the terminal marks it (bracketed paste). */
export class Keyboard {
  readonly #stream: Readable
  readonly #handlers: KeyboardHandlers
  readonly #onKey = (character: string | undefined, key: Key | undefined): void => this.#heard(character, key ?? {})
  #isPasting = false
  #pieces: string[] = []

  constructor(stream: Readable, handlers: KeyboardHandlers) {
    this.#stream = stream
    this.#handlers = handlers
    emitKeypressEvents(stream)
    stream.on('keypress', this.#onKey)
  }

  close(): void {
    this.#stream.off('keypress', this.#onKey)
  }

  #heard(character: string | undefined, key: Key): void {
    if (key.name === 'paste-start' || key.name === 'paste-end') {
      this.#flush()
      this.#isPasting = key.name === 'paste-start'
    } else if (this.#isPasting && key.sequence === CONTROL_C) {
      // The end of a paste may be lost: whoever wants to leave must be able to.
      this.#flush()
      this.#isPasting = false
    } else if (this.#isPasting) {
      this.#collect(key.sequence ?? character ?? '')
    } else if (character !== undefined && key.ctrl !== true && key.meta !== true && PRINTABLE.test(character)) {
      this.#collect(character)
    } else {
      this.#flush()
      this.#handlers.key(key)
    }
  }

  /** All that comes in one chunk is emitted before the microtask runs. */
  #collect(text: string): void {
    if (this.#pieces.length === 0) queueMicrotask(() => this.#flush())
    this.#pieces.push(text)
  }

  #flush(): void {
    if (this.#pieces.length === 0) return
    const text = this.#pieces.join('')
    this.#pieces = []
    this.#handlers.text(text, this.#isPasting ? 'pasted' : 'typed')
  }
}
