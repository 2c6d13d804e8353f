import { STATUS_CODES } from 'node:http'
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { RefusalError } from '../shared/refusal.ts'
import { type ApiAnswer, type RequestHeader, requestHeaders } from './route.ts'

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
  #open = true
  /** The body was not read to its end: whatever follows on this connection is not a request. */
  #unread = false
  #onGone: (() => void) | undefined

  constructor(response: HttpResponse, request: HttpRequest, paramNames: readonly string[]) {
    this.#response = response
    this.method = request.getCaseSensitiveMethod()
    this.path = request.getUrl()
    this.queryText = request.getQuery()
    this.clientAddress = Buffer.from(response.getRemoteAddressAsText()).toString('latin1')
    this.headers = Object.fromEntries(
      requestHeaders.map((name) => [name, request.getHeader(name)]),
    ) as Record<RequestHeader, string>
    this.params = Object.fromEntries(paramNames.map((name, index) => [name, request.getParameter(index) ?? '']))
    response.onAborted(() => {
      this.#open = false
      this.#onGone?.()
    })
  }

  /**
   * Reads the body. Must be called in the callback that brought the request.
   * @throws RefusalError: TOO_LARGE, or REQUEST_TIMEOUT when it has not arrived whole in time
   */
  readBody(maxBytes: number, timeoutMs: number): Promise<Buffer> {
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

  /** @returns false when the client had gone away */
  answer({ status, body, headers }: ApiAnswer, closeConnection: boolean): boolean {
    if (!this.#open) return false
    this.#open = false
    const bytes = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body)
    const close = closeConnection || this.#unread
    this.#response.cork(() => {
      this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
      for (const [name, value] of Object.entries(headers ?? {})) this.#response.writeHeader(name, value)
      if (close) this.#response.writeHeader('connection', 'close')
      if (this.method === 'HEAD') {
        this.#response.endWithoutBody(bytes === undefined ? 0 : Buffer.byteLength(bytes), close)
      } else if (status === 204 || status === 304) this.#response.endWithoutBody(undefined, close)
      else this.#response.end(bytes ?? '', close)
    })
    return true
  }
}
