import { STATUS_CODES } from 'node:http'
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { addressPrefix } from '../shared/address-prefix.ts'
import { RequestBody } from './request-body.ts'
import { type ApiAnswer, type RequestHeader, requestHeaders } from './route.ts'

const DISCARD_MS = 500
/** What comes more slowly than this in that time uWebSockets.js itself ends. */
const SLOW_BYTES = 8 * 1_024

/**
 * One request and its answer. What uWebSockets.js lends for the length of a callback is copied at once; a client that
 * goes away is noticed; what is answered then goes nowhere.
 */
export class Exchange {
  readonly method: string
  readonly path: string
  readonly queryText: string
  /** Network address of the client, and the part of it that limits count. */
  readonly clientAddress: string
  readonly headers: Readonly<Record<RequestHeader, string>>
  readonly params: Readonly<Record<string, string>>
  readonly startedAt = performance.now()
  readonly prefix: string
  readonly #response: HttpResponse
  #answered = false
  #gone = false
  /** The client has no further requests on the connection. */
  readonly #isLast: boolean
  /** There is a body: what follows on the connection is no request before it has come. */
  readonly #hasBody: boolean
  #body: RequestBody | undefined
  readonly #goneAway = Promise.withResolvers<'close'>()

  constructor(response: HttpResponse, request: HttpRequest, paramNames: readonly string[], clientAddress: string) {
    this.#response = response
    this.method = request.getCaseSensitiveMethod()
    this.path = request.getUrl()
    this.queryText = request.getQuery()
    this.clientAddress = clientAddress
    this.prefix = addressPrefix(clientAddress)
    this.headers = Object.fromEntries(requestHeaders.map((name) => [name, request.getHeader(name)])) as Record<
      RequestHeader,
      string
    >
    this.params = Object.fromEntries(paramNames.map((name, index) => [name, request.getParameter(index) ?? '']))
    this.#isLast = request.getHeader('connection').toLowerCase() === 'close'
    this.#hasBody = Number(this.headers['content-length']) > 0 || this.headers['transfer-encoding'] !== ''
    response.onAborted(() => {
      this.#gone = true
      this.#goneAway.resolve('close')
      this.#body?.gone()
    })
  }

  /** Bytes that the head announces; undefined: it does not say how many. */
  get announcedBytes(): number | undefined {
    if (this.headers['transfer-encoding'] !== '') return undefined
    return Number(this.headers['content-length'])
  }

  /** The body, which waits to be read. Must be called in the callback that brought the request. */
  openBody(maxBytes: number): RequestBody {
    this.#body = new RequestBody(this.#response, maxBytes)
    return this.#body
  }

  /**
   * Sends the answer, unless the client has gone away. Resolves when it is on its way, with whether the connection may
   * stay.
   */
  async answer({ status, body, headers }: ApiAnswer, closeConnection: boolean): Promise<boolean> {
    if (this.#answered || this.#gone) return false
    this.#answered = true
    const bytes = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body)
    const isBodiless = status === 204 || status === 304
    const send = (ending: 'keep' | 'close' | 'let close'): void => {
      if (this.#gone) return
      const close = ending === 'close'
      this.#response.cork(() => {
        this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
        for (const [name, value] of Object.entries(headers ?? {})) this.#response.writeHeader(name, value)
        if (ending === 'let close' || (close && isBodiless)) this.#response.writeHeader('connection', 'close')
        if (this.method === 'HEAD') {
          this.#response.endWithoutBody(bytes === undefined ? 0 : Buffer.byteLength(bytes), close)
        } else if (isBodiless) {
          // Any argument, and even undefined, would become a Content-Length, which proxies refuse here.
          this.#response.endWithoutBody()
        } else this.#response.end(bytes ?? '', close)
      })
    }
    const unread = this.#body?.unread ?? this.#hasBody
    const ending = unread ? await this.#stopReading() : closeConnection ? 'close' : 'keep'
    send(ending)
    this.#body?.answered()
    return !this.#gone && !this.#isLast && (ending !== 'close' || isBodiless)
  }

  /**
   * Closing a connection while its client is sending shows the client a reset and not the answer. So the rest of the
   * body is thrown away for a moment. A client that goes on fast is not read from any more: it finds the answer and may
   * close the connection, else uWebSockets.js does so after some 30 s of silence. That it has left is not seen before,
   * so one that goes on slowly is read from as long as it is there.
   */
  async #stopReading(): Promise<'close' | 'let close'> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'let close'>((resolve) => {
      timer = setTimeout(resolve, DISCARD_MS, 'let close')
    })
    let came = 0
    const count = (bytes: number): void => {
      came += bytes
    }
    if (this.#body === undefined) this.#response.onData(({ byteLength }) => count(byteLength))
    else this.#body.discard(count)
    const ending = await Promise.race([this.#body?.ended ?? this.#goneAway.promise, late])
    clearTimeout(timer)
    if (ending === 'let close' && came > SLOW_BYTES && !this.#gone) this.#response.pause()
    return ending
  }
}
