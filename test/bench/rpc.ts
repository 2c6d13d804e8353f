import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** Calls methods of an object in another process, over Node's channel between parent and child. */
export type Remote<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (argument: infer Argument) => infer Result
    ? (argument: Argument) => Promise<Awaited<Result>>
    : never
}

interface Call {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** A program of this folder in a process of its own, which serves an `Api` by {@link serve}. */
export class Program<Api extends object> {
  readonly remote: Remote<Api>
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    this.remote = new Proxy({} as Remote<Api>, {
      get: (_target, method) => (argument: unknown) => this.#call(String(method), argument),
    })
    child.on('message', (answer: Answer) => this.#answered(answer))
    child.on('exit', (code) => this.#ended(code))
  }

  static async start<Api extends object>(file: URL): Promise<Program<Api>> {
    const child = fork(file, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const program = new Program<Api>(child)
    await once(child, 'spawn')
    return program
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  #call(method: string, argument: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: Call = { id: ++this.#calls, method, argument }
      this.#waiting.set(call.id, { resolve, reject })
      this.#child.send(call, (error) => {
        if (error !== null) reject(error)
      })
    })
  }

  #answered({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  }

  #ended(code: number | null): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`A program of the bench ended with ${code}`))
    this.#waiting.clear()
  }
}

/** Answers the calls of the parent process, and ends with it. */
export function serve<Api extends object>(api: Api): void {
  const methods = api as Readonly<Record<string, (argument: unknown) => unknown>>
  const answer = async ({ id, method, argument }: Call): Promise<Answer> => {
    try {
      return { id, result: await methods[method]?.(argument) }
    } catch (error) {
      return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  process.on('message', (call: Call) => void answer(call).then((reply) => process.send?.(reply)))
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C in a terminal reaches every process: the parent decides.
  process.on('SIGINT', () => undefined)
}
