import type { Screen, Size } from './screen.ts'
import { Keyboard } from './keyboard.ts'
import type { KeyboardHandlers } from './keyboard.ts'

// Sequences of ECMA-48 and xterm. A line that is too long after all is cut and not continued on the next one. What is
// pasted comes marked, so that it is not taken for keys.
const ENTER = '\u{1b}[?1049h\u{1b}[?7l\u{1b}[?2004h'
const LEAVE = '\u{1b}[?2004l\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l'
const ERASE = '\u{1b}[2K'
const SAVE_CURSOR = '\u{1b}7'
const RESTORE_CURSOR = '\u{1b}8'
const SHOW_CURSOR = '\u{1b}[?25h'
const HIDE_CURSOR = '\u{1b}[?25l'
/** After so long a process that was asked to stop has stopped. */
const STOPPED_BY_MS = 200

export interface TerminalHandlers extends KeyboardHandlers {
  resized(): void
  /** The terminal has gone. */
  gone(): void
}

/** The whole screen of a terminal, which is given back however the process ends, but by SIGKILL. */
export class Terminal {
  readonly #handlers: TerminalHandlers
  readonly #keyboard: Keyboard
  readonly #giveBack = (): void => this.#leave()
  readonly #takeAgain = (): void => {
    if (this.#isClosed) return
    this.#enter()
    this.#handlers.resized()
  }
  readonly #onResize = (): void => {
    this.#painted = []
    this.#handlers.resized()
  }
  readonly #onGone = (): void => this.#handlers.gone()
  #painted: readonly string[] = []
  #isEntered = false
  #isClosed = false

  constructor(handlers: TerminalHandlers) {
    this.#handlers = handlers
    this.#keyboard = new Keyboard(process.stdin, handlers)
    process.stdin.on('end', this.#onGone).on('error', this.#onGone)
    // Unheard, what can no longer be written would end the process in the middle of its work.
    process.stdout.on('error', this.#onGone).on('resize', this.#onResize)
    process.on('exit', this.#giveBack)
    process.on('SIGCONT', this.#takeAgain)
    this.#enter()
  }

  get size(): Size {
    return { columns: process.stdout.columns, rows: process.stdout.rows }
  }

  /** Writes the lines that have changed. */
  paint({ lines, input }: Screen): void {
    if (!this.#isEntered) return
    const changed = lines.flatMap((line, row) =>
      line === this.#painted[row] ? [] : [`${startOf(row)}${ERASE}${line}\u{1b}[0m`],
    )
    this.#painted = lines
    const inputLine = `${startOf(lines.length)}${ERASE}${input.before}${SAVE_CURSOR}${input.after}${RESTORE_CURSOR}`
    process.stdout.write(`${HIDE_CURSOR}${changed.join('')}${inputLine}${SHOW_CURSOR}`)
  }

  /** Forgets what was painted: the next time all is. */
  clear(): void {
    this.#painted = []
  }

  /** Stops until the shell lets the process go on (Ctrl-Z): with `npm` before it, the whole job. */
  suspend(): void {
    this.#leave()
    process.kill(0, 'SIGTSTP')
    // Without a shell that could let it go on, the system does not stop it.
    setTimeout(this.#takeAgain, STOPPED_BY_MS).unref()
  }

  /** Gives the terminal back as it was. */
  close(): void {
    this.#isClosed = true
    this.#keyboard.close()
    process.stdin.off('end', this.#onGone).off('error', this.#onGone)
    process.stdout.off('resize', this.#onResize)
    process.off('exit', this.#giveBack)
    process.off('SIGCONT', this.#takeAgain)
    this.#leave()
    process.stdin.pause()
  }

  #enter(): void {
    this.#isEntered = true
    this.#painted = []
    process.stdin.setRawMode(true)
    process.stdin.resume()
    process.stdout.write(ENTER)
  }

  #leave(): void {
    if (!this.#isEntered) return
    this.#isEntered = false
    process.stdout.write(LEAVE)
    try {
      process.stdin.setRawMode(false)
    } catch {
      // There is no terminal any more.
    }
  }
}

/** To the beginning of a row, from 0. */
function startOf(row: number): string {
  return `\u{1b}[${row + 1};1H`
}
