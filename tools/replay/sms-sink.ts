import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

const WAIT_MS = 15_000
const MAX_BODY_BYTES = 10_000

/** Takes the place of a text message service: the server posts its codes here. */
export class SmsSink {
  readonly #server: Server
  readonly #codes = new Map<string, string>()
  readonly #waiting = new Map<string, (code: string) => void>()

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#take(request).then(
        () => response.writeHead(204).end(),
        () => response.writeHead(400).end(),
      )
    })
  }

  /** @param port - 0: any that is free */
  static async open(port: number): Promise<SmsSink> {
    const sink = new SmsSink()
    sink.#server.listen(port, '127.0.0.1')
    await once(sink.#server, 'listening')
    return sink
  }

  /** What `SMS_SENDER` of the server must be. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The code that was sent to a phone; each is given once. Rejects when none comes. */
  async codeFor(phone: string): Promise<string> {
    const code = this.#codes.get(phone) ?? (await this.#nextCode(phone))
    this.#codes.delete(phone)
    return code
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #nextCode(phone: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(phone)
        reject(new RangeError(`No code came to ${this.url}: was the server started with SMS_SENDER=${this.url} ?`))
      }, WAIT_MS)
      this.#waiting.set(phone, (code) => {
        clearTimeout(timer)
        this.#waiting.delete(phone)
        resolve(code)
      })
    })
  }

  async #take(request: IncomingMessage): Promise<void> {
    let body = ''
    for await (const chunk of request) {
      body += String(chunk)
      if (body.length > MAX_BODY_BYTES) throw new RangeError('Too long')
    }
    const { to, text } = JSON.parse(body) as { to?: unknown; text?: unknown }
    const code = /\b\d{4,10}\b/.exec(String(text))?.[0]
    if (typeof to !== 'string' || code === undefined) throw new TypeError('Not a code')
    const waiting = this.#waiting.get(to)
    if (waiting === undefined) this.#codes.set(to, code)
    else waiting(code)
  }
}
