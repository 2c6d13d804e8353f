import { STATUS_CODES } from 'node:http'
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { RefusalError } from '../shared/refusal.ts'
import { type ApiAnswer, type RequestHeader, requestHeaders } from './route.ts'

const DISCARD_MS = 500

/**
 * One request and its answer. What uWebSockets.js lends for the length of a callback is copied at once; a client that
 * goes away is noticed; what is answered then goes nowhere.
 */
export class Exchange {
  readonly method: string
  readonly path: string
  readonly queryText: string
  readonly clientAddress: string
  readonly headers: Readonly<Record<RequestHeader, string>>
  readonly params: Readonly<Record<string, string>>
  readonly startedAt = performance.now()
  readonly #response: HttpResponse
  #answered = false
  #gone = false
  /** There is a body that nobody reads, or that was not read to its end: what follows on the connection is no request. */
  #unread: boolean
  #onGone: (() => void) | undefined
  /** Resolves when the last byte of the body has come, or the client has gone. */
  readonly #bodyEnded: Promise<'close'>
  readonly #endBody: () => void

  constructor(response: HttpResponse, request: HttpRequest, paramNames: readonly string[], clientAddress: string) {
    this.#response = response
    this.method = request.getCaseSensitiveMethod()
    this.path = request.getUrl()
    this.queryText = request.getQuery()
    this.clientAddress = clientAddress
    this.headers = Object.fromEntries(requestHeaders.map((name) => [name, request.getHeader(name)])) as Record<
      RequestHeader,
      string
    >
    this.params = Object.fromEntries(paramNames.map((name, index) => [name, request.getParameter(index) ?? '']))
    this.#unread = Number(this.headers['content-length']) > 0 || this.headers['transfer-encoding'] !== ''
    const { promise, resolve } = Promise.withResolvers<'close'>()
    this.#bodyEnded = promise
    this.#endBody = () => resolve('close')
    response.onAborted(() => {
      this.#gone = true
      this.#endBody()
      this.#onGone?.()
    })
  }

  /**
   * Reads the body. Must be called in the callback that brought the request.
   * @throws RefusalError: TOO_LARGE, or REQUEST_TIMEOUT when it has not arrived whole in time
   */
  readBody(maxBytes: number, timeoutMs: number): Promise<Buffer> {
    this.#unread = false
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let length = 0
      let done = false
      const finish = (error?: RefusalError): void => {
        if (done) return
        done = true
        clearTimeout(timer)
        this.#onGone = undefined
        if (error === undefined) resolve(Buffer.concat(chunks, length))
        else reject(error)
      }
      const refuse = (error: RefusalError): void => {
        this.#unread = true
        finish(error)
      }
      const timer = setTimeout(
        () => refuse(new RefusalError('REQUEST_TIMEOUT', `The body did not arrive in ${timeoutMs / 1_000} s`)),
        timeoutMs,
      )
      this.#onGone = () => finish(new RefusalError('REQUEST_TIMEOUT', 'The client went away'))
      const tooLarge = () => new RefusalError('TOO_LARGE', `The body is larger than ${maxBytes} bytes`)
      this.#response.onData((chunk, isLast) => {
        if (isLast) this.#endBody()
        if (done) return
        length += chunk.byteLength
        if (length > maxBytes) return refuse(tooLarge())
        // uWebSockets.js takes the memory of the chunk back.
        chunks.push(Buffer.from(new Uint8Array(chunk)))
        if (isLast) finish()
      })
      if (Number(this.headers['content-length']) > maxBytes) refuse(tooLarge())
    })
  }

  /** Sends the answer, unless the client has gone away. Resolves when it is on its way. */
  async answer({ status, body, headers }: ApiAnswer, closeConnection: boolean): Promise<void> {
    if (this.#answered || this.#gone) return
    this.#answered = true
    const bytes = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body)
    const send = (ending: 'keep' | 'close' | 'let close'): void => {
      if (this.#gone) return
      const close = ending === 'close'
      const isBodiless = status === 204 || status === 304
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
    if (this.#unread) send(await this.#stopReading())
    else send(closeConnection ? 'close' : 'keep')
  }

  /**
   * Closing a connection while its client is sending shows the client a reset and not the answer. So the rest of the
   * body is thrown away for a moment. A client that goes on is not read from any more: it finds the answer and may
   * close the connection, else uWebSockets.js does so after some 30 s of silence.
   */
  async #stopReading(): Promise<'close' | 'let close'> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'let close'>((resolve) => {
      timer = setTimeout(resolve, DISCARD_MS, 'let close')
    })
    const ending = await Promise.race([this.#bodyEnded, late])
    clearTimeout(timer)
    if (ending === 'let close' && !this.#gone) this.#response.pause()
    return ending
  }
}
