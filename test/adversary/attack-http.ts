import type { Tally } from './tally.ts'
import type { Wire } from './wire.ts'

export interface HttpAnswer {
  readonly status: number
  /** Of a problem document. */
  readonly code: string | undefined
  readonly body: string
}

export interface HttpRequest {
  readonly method?: string
  readonly token?: string
  /** An object is sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const ANSWER_MS = 40_000

/** The bytes of a request. */
export function requestBytes(host: string, path: string, { method, token, body, headers }: HttpRequest = {}): Buffer {
  const content =
    body === undefined || Buffer.isBuffer(body) ? (body as Buffer | undefined) : Buffer.from(JSON.stringify(body))
  const lines = [
    `${method ?? (content === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(content === undefined ? [] : [`Content-Length: ${content.length}`]),
    ...(content === undefined || Buffer.isBuffer(body) ? [] : ['Content-Type: application/json']),
    ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ]
  return Buffer.concat([Buffer.from(lines.join('\r\n')), content ?? Buffer.alloc(0)])
}

/** Reads HTTP answers off a connection, one after the other, each with its length in a header. */
export class AnswerReader {
  readonly #tally: Tally
  #bytes = Buffer.alloc(0)
  readonly #waiting: ((answer: HttpAnswer | undefined) => void)[] = []

  constructor(wire: Wire, tally: Tally) {
    this.#tally = tally
    wire.onData = (data) => this.#take(data)
    void wire.ended(AbortSignal.timeout(ANSWER_MS * 10)).then(() => this.#over())
  }

  /** The next one; undefined: the connection ended, or nothing came for long. */
  next(): Promise<HttpAnswer | undefined> {
    const { promise, resolve } = Promise.withResolvers<HttpAnswer | undefined>()
    const timer = setTimeout(() => {
      this.#tally.answer('no answer')
      resolve(undefined)
    }, ANSWER_MS)
    this.#waiting.push((answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    return promise
  }

  #take(data: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, data])
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = this.#bytes.subarray(0, end).toString('latin1')
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
      if (this.#bytes.length < end + 4 + length) return
      const body = this.#bytes.subarray(end + 4, end + 4 + length).toString()
      this.#bytes = this.#bytes.subarray(end + 4 + length)
      const status = Number(head.split(' ')[1])
      const code = status < 400 ? undefined : /"code":"([A-Z_]+)"/.exec(body)?.[1]
      this.#tally.answer(code === undefined ? String(status) : `${status} ${code}`)
      this.#waiting.shift()?.({ status, code, body })
    }
  }

  #over(): void {
    for (const resolve of this.#waiting.splice(0)) {
      this.#tally.answer('cut off')
      resolve(undefined)
    }
  }
}
