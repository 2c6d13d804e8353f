import { RefusedError } from './errors.ts'

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
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 30_000

/**
 * One request to the server's HTTP API.
 *
 * @param url - the server
 * @returns the JSON of the answer; undefined where it has none
 * @throws {RefusedError} with the code of the problem, or UNREACHABLE
 */
export async function request<T>(url: string, options: HttpRequest): Promise<T> {
  const response = await send(url, options)
  return (await response.json().catch(() => undefined)) as T
}

/** The same, for an answer that is bytes. */
export async function requestBytes(url: string, options: HttpRequest): Promise<Uint8Array> {
  const response = await send(url, options)
  return new Uint8Array(await response.arrayBuffer())
}

async function send(url: string, options: HttpRequest): Promise<Response> {
  const { method, path, token, body, bytes, idempotencyKey } = options
  const content = body === undefined ? bytes : JSON.stringify(body)
  const contentType = body === undefined ? 'application/octet-stream' : 'application/json'
  let response: Response
  try {
    response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(content === undefined ? {} : { 'content-type': contentType }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...options.headers,
      },
      ...(content === undefined ? {} : { body: content as BodyInit }),
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
    })
  } catch (error) {
    throw new RefusedError('UNREACHABLE', `No server answers at ${url}`, true, 0, { cause: error })
  }
  if (response.ok) return response
  const problem = ((await response.json().catch(() => undefined)) ?? {}) as Problem
  const temporary = response.status === 429 || response.status >= 500
  const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0
  throw new RefusedError(problem.code ?? 'INTERNAL', describe(problem, response.status), temporary, retryAfterMs)
}

function describe({ title, detail, errors = [] }: Problem, status: number): string {
  const fields = errors.map(({ field = '', message = '' }) => `${field} ${message}`)
  return [detail ?? title ?? `The server answered ${status}`, ...fields].join(': ')
}
