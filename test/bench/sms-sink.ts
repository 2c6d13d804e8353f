import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** Takes the text messages of a server under test (its SMS_SENDER) and remembers the codes in them. */
export class SmsSink {
  readonly url: string
  readonly #server: Server
  readonly #codes: Map<string, string>

  private constructor(server: Server, codes: Map<string, string>) {
    this.#server = server
    this.#codes = codes
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  static async start(): Promise<SmsSink> {
    const codes = new Map<string, string>()
    const server = createServer(async (request, response) => {
      const { to, text } = (await json(request)) as { to: string; text: string }
      codes.set(to, /\d{6}/.exec(text)?.[0] ?? '')
      response.end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new SmsSink(server, codes)
  }

  /** The last code that went to the phone number. */
  requireCode(phone: string): string {
    const code = this.#codes.get(phone)
    if (code === undefined) throw new Error(`No code went to ${phone}`)
    return code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
