import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { RefusedError } from './errors.ts'
import { carriageMs } from './patience.ts'

/** A problem document, RFC 9457. */
interface Problem {
  readonly code?: string
  readonly title?: string
  readonly detail?: string
  readonly errors?: readonly { readonly field?: string; readonly message?: string }[]
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly token?: string
  /** Sent as JSON. */
  readonly body?: object
  /** Sent as they are. */
  readonly bytes?: Uint8Array
  /** The same request under the same key has its effect once. */
  readonly idempotencyKey?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

/** Nothing of the answer for so long: nobody is there. */
const SILENCE_MS = 30_000
/** What a slow line is given to carry the request is no longer than this. */
const MAX_CARRIAGE_MS = 300_000

/**
 * One request to the server's HTTP API.
 *
 * @param url - the server
 * @returns the JSON of the answer; undefined where it has none
 * @throws {RefusedError} with the code of the problem, or UNREACHABLE
 */
export async function request<T>(url: string, options: HttpRequest): Promise<T> {
  return parseJson(await send(url, options)) as T
}

/** The same, for an answer that is bytes. */
export function requestBytes(url: string, options: HttpRequest): Promise<Uint8Array> {
  return send(url, options)
}

async function send(url: string, options: HttpRequest): Promise<Uint8Array> {
  const { method, path, token, body, bytes, idempotencyKey, clock = systemClock } = options
  const content = body === undefined ? bytes : JSON.stringify(body)
  const contentType = body === undefined ? 'application/octet-stream' : 'application/json'
  const silence = new Silence(clock)
  let response: Response
  let answer: Uint8Array
  try {
    // How much of a request is out no browser tells.
    silence.allow(SILENCE_MS + Math.min(MAX_CARRIAGE_MS, carriageMs(content?.length ?? 0)))
    response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(content === undefined ? {} : { 'content-type': contentType }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...options.headers,
      },
      ...(content === undefined ? {} : { body: content as BodyInit }),
      signal: silence.signal,
    })
    answer = await readAll(response, () => silence.allow(SILENCE_MS))
  } catch (error) {
    throw new RefusedError('UNREACHABLE', `No server answers at ${url}`, true, 0, { cause: error })
  } finally {
    silence.end()
  }
  if (response.ok) return answer
  const problem = (parseJson(answer) ?? {}) as Problem
  const temporary = response.status === 429 || response.status >= 500
  const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0
  throw new RefusedError(problem.code ?? 'INTERNAL', describe(problem, response.status), temporary, retryAfterMs)
}

/** Aborts what has been silent for longer than was allowed last. */
class Silence {
  readonly #clock: Clock
  readonly #abort = new AbortController()
  #cancel: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  allow(ms: number): void {
    this.#cancel()
    this.#cancel = this.#clock.setTimer(() => this.#abort.abort(new Error('No answer in time')), ms)
  }

  end(): void {
    this.#cancel()
  }
}

async function readAll(response: Response, onPart: () => void): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  onPart()
  const reader = response.body?.getReader()
  for (;;) {
    const { value } = (await reader?.read()) ?? {}
    if (value === undefined) break
    parts.push(value)
    onPart()
  }
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Undefined: it is none. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

function describe({ title, detail, errors = [] }: Problem, status: number): string {
  const fields = errors.map(({ field = '', message = '' }) => `${field} ${message}`)
  return [detail ?? title ?? `The server answered ${status}`, ...fields].join(': ')
}
