import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { waitUntil } from '../../helpers/wait-until.ts'

/** Processes start slowly on a busy machine. */
const PATIENCE_MS = 60_000

/** The tool as `npm run chat` starts it, with a pipe for a terminal. */
export class ChatTool {
  /** Its exit code. */
  readonly ended: Promise<number | null>
  readonly #process: ChildProcessWithoutNullStreams
  #output = ''

  /** @param heard - told all of the output whenever there is more */
  constructor(home: string, parameters: readonly string[], heard: (output: string) => void = () => {}) {
    const env = { ...process.env, HOME: home }
    const tool = spawn(process.execPath, ['tools/chat/main.ts', ...parameters], { env })
    // It may have left before it was answered.
    tool.stdin.on('error', () => {})
    const hear = (chunk: Buffer): void => {
      this.#output += chunk.toString()
      heard(this.#output)
    }
    tool.stdout.on('data', hear)
    tool.stderr.on('data', hear)
    this.#process = tool
    this.ended = once(tool, 'close').then(([code]) => code as number | null)
  }

  get output(): string {
    return this.#output
  }

  type(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  /** The last lines that it is told. */
  end(lines: readonly string[] = []): void {
    if (!this.#process.stdin.writableEnded) this.#process.stdin.end(lines.map((line) => `${line}\n`).join(''))
  }

  async see(what: RegExp): Promise<RegExpExecArray> {
    await waitUntil(`it says ${String(what)}`, () => what.test(this.#output), PATIENCE_MS).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${this.#output}`)
    })
    return what.exec(this.#output) as RegExpExecArray
  }
}
