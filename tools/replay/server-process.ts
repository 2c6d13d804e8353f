import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const START_MS = 120_000
const STOP_MS = 20_000
const KEPT_OUTPUT_CHARS = 4_000

/** Many people at one address who write at full speed: no limit of a server with strangers on it fits. */
const ROOMY = { burst: 1_000_000, perSecond: 1_000_000 }
const LIMITS = JSON.stringify({
  registrationPerPhone: ROOMY,
  registrationPerAddress: ROOMY,
  verifyPerPhone: ROOMY,
  verifyPerAddress: ROOMY,
  connectPerAddress: ROOMY,
  send: ROOMY,
  signal: ROOMY,
  http: ROOMY,
})

/** The server could not be started; the message ends with its last words. */
class ServerStartError extends Error {
  override readonly name = 'ServerStartError'
}

/** A server of its own for one run: a child process with its data in a temporary directory. */
export class ServerProcess {
  readonly url: string
  readonly #child: ChildProcess
  readonly #directory: string

  private constructor(url: string, child: ChildProcess, directory: string) {
    this.url = url
    this.#child = child
    this.#directory = directory
  }

  /** @param smsUrl - where it posts the codes */
  static async start(smsUrl: string): Promise<ServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'parley-replay-server-'))
    const port = await freePort()
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', DATA_DIR: directory, SMS_SENDER: smsUrl, LIMITS },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C in the terminal is for this tool: it stops the server when it is done with it.
      detached: true,
    })
    // When this tool crashes the server still ends in good order.
    process.once('exit', () => child.kill('SIGTERM'))
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const server = new ServerProcess(`http://127.0.0.1:${port}`, child, directory)
    if (await server.#isReady()) return server
    await server.stop()
    throw new ServerStartError(`The server did not start.\n${output}`)
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
      await exited
      clearTimeout(killer)
    }
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #isReady(): Promise<boolean> {
    const end = Date.now() + START_MS
    while (Date.now() < end && this.#child.exitCode === null && this.#child.signalCode === null) {
      const ready = await fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (ready) return true
      await wait(100)
    }
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
