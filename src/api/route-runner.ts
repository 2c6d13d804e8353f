import type { z } from 'zod'
import type { Events } from '../shared/events.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Identity } from '../storage/devices.ts'
import type { TokenLookup } from '../storage/token-lookup.ts'
import { errorAnswer } from './error-answer.ts'
import type { Exchange } from './exchange.ts'
import type { Idempotency } from './idempotency.ts'
import { parseJsonBody } from './json-body.ts'
import type { Limiters } from './limiters.ts'
import type { Overload } from './overload.ts'
import { InvalidRequestError } from './problem.ts'
import type { ApiAnswer, ApiRequest, RawBody, Route } from './route.ts'

export interface RouteRunnerOptions {
  readonly maxBodyBytes: number
  readonly maxJsonDepth: number
  readonly bodyTimeoutMs: number
  readonly answerTimeoutMs: number
  readonly maxConcurrentRequests: number
}

export interface RouteRunnerParts {
  readonly options: RouteRunnerOptions
  readonly tokens: TokenLookup
  readonly limiters: Limiters
  readonly idempotency: Idempotency
  readonly overload: Overload
  readonly events: Events
}

const RETRY_MS = 1_000

/** Takes a request through what all routes share: limits, token, body, schemas; and turns what is thrown into an answer. */
export class RouteRunner {
  readonly #options: RouteRunnerOptions
  readonly #tokens: TokenLookup
  readonly #limiters: Limiters
  readonly #idempotency: Idempotency
  readonly #overload: Overload
  readonly #events: Events
  /** Bodies that are arriving, of routes that bound them. */
  readonly #rawBodies = new Map<RawBody, number>()

  constructor({ options, tokens, limiters, idempotency, overload, events }: RouteRunnerParts) {
    this.#options = options
    this.#tokens = tokens
    this.#limiters = limiters
    this.#idempotency = idempotency
    this.#overload = overload
    this.#events = events
  }

  /** Never rejects. Must be called in the callback that brought the request, since its body begins to arrive then. */
  async run(route: Route, exchange: Exchange, underWay: number): Promise<ApiAnswer> {
    const reading = this.#readBody(route, exchange)
    // Whatever happens before it is awaited.
    reading?.catch(() => undefined)
    try {
      if (underWay > this.#options.maxConcurrentRequests) {
        throw new RefusalError('OVERLOADED', 'Too many requests at a time', { retryAfterMs: RETRY_MS })
      }
      if (route.sheddable) this.#overload.requireRequest()
      const caller = route.auth === 'token' ? await this.#authenticate(exchange) : undefined
      const rawBody = (await reading) ?? Buffer.alloc(0)
      const request = this.#parse(route, exchange, rawBody)
      return await this.#inTime(this.#handle(route, request, caller))
    } catch (error) {
      // A refusal that does not wait for the body would leave it on the connection.
      await reading?.catch(() => undefined)
      const answer = errorAnswer(error)
      if (answer.status === 500) this.#events.httpFault(route.method, route.path, error)
      return answer
    }
  }

  /** Undefined: the route takes none. */
  #readBody({ body, bytes }: Route, exchange: Exchange): Promise<Buffer> | undefined {
    const { maxBodyBytes, bodyTimeoutMs } = this.#options
    if (body !== undefined) return exchange.readBody(maxBodyBytes, bodyTimeoutMs)
    if (bytes === undefined) return undefined
    const underWay = this.#rawBodies.get(bytes) ?? 0
    // One byte at most is kept of what is refused.
    const refused = underWay >= bytes.maxConcurrent
    if (refused) return exchange.readBody(0, bodyTimeoutMs).then(refuseRaw, refuseRaw)
    this.#rawBodies.set(bytes, underWay + 1)
    return exchange.readBody(bytes.maxBytes, bytes.timeoutMs).finally(() => {
      this.#rawBodies.set(bytes, (this.#rawBodies.get(bytes) ?? 1) - 1)
    })
  }

  #handle(route: Route, request: ApiRequest<unknown, unknown>, caller: Identity | undefined): Promise<ApiAnswer> {
    const handle = async () => (route.auth === 'token' ? route.handle(request, caller!) : route.handle(request))
    const key = request.headers['idempotency-key']
    if (!route.idempotent || key === '') return handle()
    const user = route.auth === 'token' ? caller!.address.user : route.idempotentFor!(request.body)
    const { rawBody, params } = request
    // A key counts for one device, and for what the path names.
    const of = [...Object.values(params), ...(caller === undefined ? [] : [`device ${caller.address.device}`])]
    const name = [`${route.method} ${route.path}`, ...of].join(' ')
    return this.#idempotency.run({ user, route: name, key, rawBody }, handle)
  }

  /** What takes too long goes on, but its client is told. */
  async #inTime(answer: Promise<ApiAnswer>): Promise<ApiAnswer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const refusal = new RefusalError('UNAVAILABLE', 'This takes too long now', { retryAfterMs: RETRY_MS })
      timer = setTimeout(() => reject(refusal), this.#options.answerTimeoutMs)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async #authenticate(exchange: Exchange): Promise<Identity> {
    const token = /^Bearer +(\S+)$/i.exec(exchange.headers.authorization)?.[1]
    const identity = token === undefined ? undefined : await this.#tokens.identify(token)
    if (identity === undefined) {
      this.#limiters.requireAddress('http', exchange.clientAddress)
      throw new RefusalError('UNAUTHENTICATED', 'A good token is needed: Authorization: Bearer <token>')
    }
    this.#limiters.require('http', identity.address.user)
    return identity
  }

  #parse(route: Route, exchange: Exchange, rawBody: Buffer): ApiRequest<unknown, unknown> {
    const { headers, params, clientAddress, queryText } = exchange
    const query = parse('query', route.query, Object.fromEntries(new URLSearchParams(queryText)))
    const json = route.body && parseJsonBody(rawBody, headers['content-type'], this.#options.maxJsonDepth)
    return { headers, params, clientAddress, rawBody, query, body: parse('body', route.body, json) }
  }
}

function refuseRaw(): never {
  throw new RefusalError('OVERLOADED', 'Too many bodies of this sort arrive at a time', { retryAfterMs: RETRY_MS })
}

function parse(where: 'body' | 'query', schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new InvalidRequestError(where, parsed.error)
  return parsed.data
}
