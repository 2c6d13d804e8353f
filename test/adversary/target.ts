import type { RawDevice } from '../helpers/raw-accounts.ts'
import { proxyHeader } from '../helpers/proxy-header.ts'
import { AnswerReader, requestBytes } from './attack-http.ts'
import type { HttpAnswer, HttpRequest } from './attack-http.ts'
import { AttackSession } from './attack-session.ts'
import type { AttackSessionOptions } from './attack-session.ts'
import type { Tally } from './tally.ts'
import { Wire } from './wire.ts'

/** What an attacker is told. It crosses from one process to another. */
export interface Mark {
  /** Where clients come in. */
  readonly url: string
  /** The nodes behind it. A load balancer's address is trusted there, and this machine's is one. */
  readonly nodeUrls: readonly string[]
  /** Its own, of its own network: `127.16.3`. */
  readonly network: string
  readonly accounts: readonly RawDevice[]
  readonly seed: number
}

/** What an attacker attacks, and the means that all attackers have. */
export class Target {
  readonly mark: Mark
  readonly tally: Tally
  /** The code of a text message that came to this phone. */
  readonly codeFor: (phone: string) => Promise<string>
  readonly host: string

  constructor(mark: Mark, tally: Tally, codeFor: (phone: string) => Promise<string>) {
    this.mark = mark
    this.tally = tally
    this.codeFor = codeFor
    this.host = new URL(mark.url).host
  }

  get accounts(): readonly RawDevice[] {
    return this.mark.accounts
  }

  /** One of the attacker's own addresses: they count as different ones. */
  address(number = 1): string {
    return `${this.mark.network}.${number}`
  }

  /** A TCP connection. Undefined: there is no getting in. */
  wire(address = this.address()): Promise<Wire | undefined> {
    return Wire.open({ url: this.mark.url, localAddress: address, tally: this.tally })
  }

  /** A TCP connection to a node as a load balancer opens it for a client of this address. */
  wireAs(client: string): Promise<Wire | undefined> {
    const [url = this.mark.url] = this.mark.nodeUrls
    return Wire.open({ url, localAddress: '127.0.0.1', tally: this.tally, preface: proxyHeader(client) })
  }

  /** A WebSocket on which nothing has been said. */
  async socket(options: AttackSessionOptions = {}, address = this.address()): Promise<AttackSession | undefined> {
    const wire = await this.wire(address)
    return wire && AttackSession.upgrade(wire, this.host, this.tally, options)
  }

  /** A session of a device. */
  async session(
    device: RawDevice,
    options: AttackSessionOptions = {},
    address = this.address(),
  ): Promise<AttackSession | undefined> {
    const session = await this.socket(options, address)
    return session !== undefined && (await session.connect(device.token)) ? session : undefined
  }

  /** A connection for one request after the other. */
  async http(address = this.address()): Promise<HttpClient | undefined> {
    const wire = await this.wire(address)
    return wire && new HttpClient(wire, this.host, this.tally)
  }
}

/** Requests on one connection. */
export class HttpClient {
  readonly wire: Wire
  readonly #host: string
  readonly #reader: AnswerReader

  constructor(wire: Wire, host: string, tally: Tally) {
    this.wire = wire
    this.#host = host
    this.#reader = new AnswerReader(wire, tally)
  }

  /** Undefined: there was no answer. */
  async call(path: string, request: HttpRequest = {}): Promise<HttpAnswer | undefined> {
    const answer = this.#reader.next()
    await this.wire.write(requestBytes(this.#host, path, request))
    return answer
  }
}
