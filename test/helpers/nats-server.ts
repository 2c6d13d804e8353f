import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import type { Teardown } from './database.ts'
import { requireTool } from './tools.ts'
import { waitUntil } from './wait-until.ts'

export interface NatsServerOptions {
  /** In the language of nats-server.conf; host and port are given besides. */
  readonly config?: string
  /** Variables that the configuration refers to. */
  readonly env?: Readonly<Record<string, string>>
}

/** A real nats-server on a port of its own, and what can befall it. */
export class NatsServer {
  readonly port: number
  readonly #directory: string
  readonly #options: NatsServerOptions
  #child: ChildProcess | undefined
  #log = ''

  constructor(port: number, directory: string, options: NatsServerOptions) {
    this.port = port
    this.#directory = directory
    this.#options = options
    // A test process that crashes must not leave it behind.
    process.once('exit', this.#endNow)
  }

  /** Without a user. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** What it has printed since its last start. */
  get log(): string {
    return this.#log
  }

  /** Resolves when it greets clients. @throws Error with its last words */
  async start(): Promise<void> {
    if (this.runs) throw new Error('The nats-server runs already')
    const configFile = join(this.#directory, 'nats-server.conf')
    await writeFile(configFile, this.#options.config ?? '')
    this.#log = ''
    const args = ['--config', configFile, '--addr', '127.0.0.1', '--port', String(this.port)]
    const child = spawn(requireTool('nats-server'), args, {
      env: { ...process.env, ...this.#options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    await waitUntil('nats-server greets its clients', () => {
      if (!this.runs) throw new Error(`nats-server did not start:\n${this.#log}`)
      return greets(this.port)
    })
  }

  /** kill -9: its connections break without a word. */
  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.runs) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Starts again on the same port, ended in the meantime if it still ran. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Stops the process in the middle of whatever it does, until {@link thaw}: connections stay open, nothing answers. */
  async freeze(): Promise<void> {
    this.#child?.kill('SIGSTOP')
    await waitUntil('nats-server is frozen', async () => {
      const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
      return status.includes('State:\tT')
    })
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async close(): Promise<void> {
    await this.stop()
    process.removeListener('exit', this.#endNow)
  }

  readonly #endNow = (): void => {
    this.#child?.kill('SIGKILL')
  }
}

/** Starts a nats-server that ends with the test. */
export async function startNatsServer(t: Teardown, options: NatsServerOptions = {}): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-nats-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const server = new NatsServer(await findFixedPort(), directory, options)
  t.teardown(() => server.close())
  await server.start()
  return server
}

/** A nats-server speaks first: `INFO {…}`. */
async function greets(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString().startsWith('INFO ')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
