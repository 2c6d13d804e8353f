import { setTimeout as wait } from 'node:timers/promises'
import { findFixedPort } from '../fixed-ports.ts'
import { OwnProcess } from '../own-process.ts'
import { ROOMY_LIMITS } from '../roomy-limits.ts'

const START_MS = 120_000
const POLL_MS = 100

/** The server could not be started; the message ends with its last words. */
class ServerStartError extends Error {
  override readonly name = 'ServerStartError'
}

/** A server of its own for one run. */
export class ServerProcess {
  readonly url: string
  readonly #process: OwnProcess

  private constructor(url: string, process: OwnProcess) {
    this.url = url
    this.#process = process
  }

  /** Starts one; {@link ready} says when it serves. @param smsUrl - where it posts the codes */
  static async spawn(smsUrl: string): Promise<ServerProcess> {
    const dataDir = await OwnProcess.createDataDir('replay-server')
    const port = String(await findFixedPort())
    const main = new URL('../../src/main.ts', import.meta.url)
    const env = { PORT: port, HOST: '127.0.0.1', DATA_DIR: dataDir, SMS_SENDER: smsUrl, LIMITS: ROOMY_LIMITS }
    const child = new OwnProcess(dataDir, { main, env })
    return new ServerProcess(`http://127.0.0.1:${port}`, child)
  }

  /** @throws ServerStartError when it ends, or takes too long */
  async ready(): Promise<void> {
    if (!(await this.#isReady())) throw new ServerStartError(`The server did not start.\n${this.#process.lastWords}`)
  }

  /** Ends it and removes its data. */
  stop(): Promise<void> {
    return this.#process.stop()
  }

  async #isReady(): Promise<boolean> {
    const end = performance.now() + START_MS
    while (performance.now() < end && this.#process.runs) {
      const ready = await fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (ready) return true
      await wait(POLL_MS)
    }
    return false
  }
}
