import type { HttpResponse } from 'uWebSockets.js'
import { RefusalError } from '../shared/refusal.ts'
import type { PlaceHolder } from './waiting-bodies.ts'

/** What a body reports of itself. */
interface BodyReport {
  progressed(bytes: number): void
  /** Whole. */
  arrived(): void
}

/**
 * The body of one request. Until somebody reads it, it waits in the network: what has come by then is one receive buffer
 * of uWebSockets.js at most, and is kept only within the limit.
 */
export class RequestBody implements PlaceHolder {
  /** Resolves when its last byte has come, or its client has gone. */
  readonly ended: Promise<'close'>
  readonly #response: HttpResponse
  readonly #maxBytes: number
  readonly #chunks: Buffer[] = []
  readonly #result = Promise.withResolvers<Buffer>()
  readonly #end: () => void
  #report: BodyReport | undefined
  #discarded: ((bytes: number) => void) | undefined
  #length = 0
  #wanted = false
  #paused = false
  /** Its bytes are kept no more: they are here, or it was refused. */
  #done = false
  #refused = false
  #over = false

  /** Must be made in the callback that brought the request. */
  constructor(response: HttpResponse, maxBytes: number) {
    this.#response = response
    this.#maxBytes = maxBytes
    const { promise, resolve } = Promise.withResolvers<'close'>()
    this.ended = promise
    this.#end = () => resolve('close')
    // Whether or not somebody asks.
    this.#result.promise.catch(() => undefined)
    response.onData((chunk, isLast) => this.#take(chunk, isLast))
  }

  /** There is more of it that nobody keeps: what follows on the connection is no request. */
  get unread(): boolean {
    return this.#refused || !this.#done
  }

  reportTo(report: BodyReport): void {
    this.#report = report
  }

  /** @throws RefusalError: TOO_LARGE, or what it was refused with meanwhile */
  read(): Promise<Buffer> {
    this.#wanted = true
    this.#go()
    return this.#result.promise
  }

  lose(refusal: RefusalError): void {
    if (this.#done) return
    this.#done = true
    this.#refused = true
    this.#chunks.length = 0
    this.#result.reject(refusal)
  }

  /** uWebSockets.js ends what it takes for silent, at 16 KiB a second and less, unless it was stopped and goes on. */
  prod(): void {
    if (this.#over || this.#done || this.#paused || !this.#wanted) return
    this.#response.pause()
    this.#response.resume()
  }

  /** From now on what comes is thrown away, and only counted, so that the client may hear the answer. */
  discard(count: (bytes: number) => void): void {
    this.#discarded = count
    if (!this.#done) this.lose(new RefusalError('BAD_REQUEST', 'The body was not asked for'))
    this.#go()
  }

  /** The response must not be touched any more. */
  gone(): void {
    this.#over = true
    this.lose(new RefusalError('REQUEST_TIMEOUT', 'The client went away'))
    this.#end()
  }

  /** The answer is on its way. */
  answered(): void {
    this.#over = true
  }

  #take(chunk: ArrayBuffer, isLast: boolean): void {
    if (isLast) this.#end()
    this.#discarded?.(chunk.byteLength)
    if (this.#done) return
    this.#length += chunk.byteLength
    this.#report?.progressed(chunk.byteLength)
    if (this.#length > this.#maxBytes) return this.lose(tooLarge(this.#maxBytes))
    // uWebSockets.js takes the memory of the chunk back.
    if (chunk.byteLength > 0) this.#chunks.push(Buffer.from(new Uint8Array(chunk)))
    if (isLast) {
      this.#done = true
      this.#report?.arrived()
      this.#result.resolve(Buffer.concat(this.#chunks, this.#length))
      this.#chunks.length = 0
    } else if (!this.#wanted && !this.#paused) {
      this.#paused = true
      this.#response.pause()
    }
  }

  #go(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#response.resume()
  }
}

export function tooLarge(maxBytes: number): RefusalError {
  return new RefusalError('TOO_LARGE', `The body is larger than ${maxBytes} bytes`)
}
