import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SmsSink } from '../replay/sms-sink.ts'

/** Lets k6 read the codes that were sent: `GET /+15550000001` answers with the digits alone, once they have come. */
export class Codes {
  readonly #server: Server

  private constructor(sms: SmsSink) {
    this.#server = createServer((request, response) => {
      sms.codeFor(decodeURIComponent((request.url ?? '').slice(1))).then(
        (code) => response.end(code),
        () => response.writeHead(404).end(),
      )
    })
  }

  static async open(sms: SmsSink): Promise<Codes> {
    const codes = new Codes(sms)
    codes.#server.listen(0, '127.0.0.1')
    await once(codes.#server, 'listening')
    return codes
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
