import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client, openFileStore } from '../../client/node.ts'
import type { Message } from '../../client/node.ts'
import type { AppNews } from './app.ts'

export interface AppOptions {
  readonly url: string
  readonly peer: number
  /** To be written by each side. */
  readonly messages: number
  /** Of its store. */
  readonly directory: string
}

const APP = fileURLToPath(new URL('app.ts', import.meta.url))

/** A client that may be killed: see `app.ts`. What its device stores is on disk. */
export class AppProcess {
  /** Ids that it saw accepted before it could be killed. */
  readonly accepted = new Set<string>()
  shown = 0
  read = 0
  readonly #options: AppOptions
  #child: ChildProcess | undefined
  #errors = ''

  constructor(options: AppOptions) {
    this.#options = options
    this.#start()
  }

  /** It has shown and seen read all there is. */
  get done(): boolean {
    const { messages } = this.#options
    return this.shown === messages && this.read === messages
  }

  /** What it said on its standard error. */
  get errors(): string {
    return this.#errors
  }

  /** kill -9, and a new start with the same store. */
  async restart(): Promise<void> {
    await this.kill()
    this.#start()
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** All messages that its store holds, in their order. The process must have ended. */
  async readHistory(): Promise<readonly Message[]> {
    const { url, peer, directory, messages } = this.#options
    const client = await Client.open({ url, store: await openFileStore(directory), autoConnect: false })
    const history = await client.history(peer, { limit: 10 * messages })
    await client.close()
    return history
  }

  #start(): void {
    const { url, peer, messages, directory } = this.#options
    const child = spawn(process.execPath, [APP, url, directory, String(peer), String(messages)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString()
    })
    createInterface(child.stdout).on('line', (line) => {
      const news = JSON.parse(line) as AppNews
      if (news.accepted !== undefined) this.accepted.add(news.accepted)
      this.shown = news.shown ?? this.shown
      this.read = news.read ?? this.read
    })
  }
}
