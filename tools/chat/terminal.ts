import { createInterface } from 'node:readline'
import type { Interface, Key } from 'node:readline'
import { Writable } from 'node:stream'
import type { Screen, Size } from './screen.ts'

// Sequences of ECMA-48 and xterm. A line that is too long after all is cut and not continued on the next one.
const ENTER = '\u{1b}[?1049h\u{1b}[?7l'
const LEAVE = '\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l'
const ERASE = '\u{1b}[2K'
const SAVE_CURSOR = '\u{1b}7'
const RESTORE_CURSOR = '\u{1b}8'
const SHOW_CURSOR = '\u{1b}[?25h'
const HIDE_CURSOR = '\u{1b}[?25l'

export interface TerminalHandlers {
  line(text: string): void
  /** Any key, after it has changed the input. */
  key(key: Key): void
  resized(): void
  /** Ctrl-C, Ctrl-D on an empty line. */
  quit(): void
}

/** The whole screen of a terminal. The input line is edited by readline, with its keys and its memory of lines. */
export class Terminal {
  readonly #input: Interface
  readonly #handlers: TerminalHandlers
  readonly #onKey = (_: string | undefined, key: Key | undefined): void => this.#handlers.key(key ?? {})
  readonly #onResize = (): void => {
    this.#painted = []
    this.#handlers.resized()
  }
  #painted: readonly string[] = []
  #closed = false

  constructor(handlers: TerminalHandlers) {
    this.#handlers = handlers
    // What readline itself would print is not wanted.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    this.#input = createInterface({ input: process.stdin, output: nowhere, terminal: true, prompt: '' })
    this.#input.on('line', (line) => handlers.line(line))
    this.#input.on('SIGINT', () => handlers.quit())
    this.#input.on('close', () => handlers.quit())
    process.stdin.on('keypress', this.#onKey)
    process.stdout.on('resize', this.#onResize)
    process.stdout.write(ENTER)
  }

  get size(): Size {
    return { columns: process.stdout.columns, rows: process.stdout.rows }
  }

  get input(): { text: string; cursor: number } {
    return { text: this.#input.line, cursor: this.#input.cursor }
  }

  /** Writes the lines that have changed. */
  paint({ lines, input }: Screen): void {
    if (this.#closed) return
    const changed = lines.flatMap((line, row) =>
      line === this.#painted[row] ? [] : [`${startOf(row)}${ERASE}${line}\u{1b}[0m`],
    )
    this.#painted = lines
    const inputLine = `${startOf(lines.length)}${ERASE}${input.before}${SAVE_CURSOR}${input.after}${RESTORE_CURSOR}`
    process.stdout.write(`${HIDE_CURSOR}${changed.join('')}${inputLine}${SHOW_CURSOR}`)
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    process.stdin.off('keypress', this.#onKey)
    process.stdout.off('resize', this.#onResize)
    process.stdout.write(LEAVE)
    this.#input.close()
  }
}

/** To the beginning of a row, from 0. */
function startOf(row: number): string {
  return `\u{1b}[${row + 1};1H`
}
