import { z } from 'zod'
import type { Events } from '../shared/events.ts'
import { encodeBase64 } from '../../proto/base64.ts'
import { addressKey } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Identity } from '../storage/devices.ts'
import type { TokenLookup } from '../storage/token-lookup.ts'
import { errorAnswer } from './error-answer.ts'
import type { Exchange } from './exchange.ts'
import type { Idempotency } from './idempotency.ts'
import { parseJsonBody } from './json-body.ts'
import type { Limiters } from './limiters.ts'
import type { Overload } from './overload.ts'
import { InvalidRequestError, toFieldErrors } from './problem.ts'
import { tooLarge } from './request-body.ts'
import type { RequestBody } from './request-body.ts'
import type { RequestPlaces } from './request-places.ts'
import type { ApiAnswer, ApiRequest, OpenRoute, Route, RouteLimit } from './route.ts'
import { wordingOf } from './wording.ts'
import type { BodyPlace, WaitingBodies } from './waiting-bodies.ts'

export interface RouteRunnerOptions {
  readonly maxBodyBytes: number
  readonly maxJsonDepth: number
  readonly answerTimeoutMs: number
}

export interface RouteRunnerParts {
  readonly options: RouteRunnerOptions
  readonly places: RequestPlaces
  /** Of JSON. */
  readonly bodies: WaitingBodies
  /** Of routes that take any bytes. */
  readonly rawBodies: WaitingBodies
  readonly tokens: TokenLookup
  readonly limiters: Limiters
  readonly idempotency: Idempotency
  readonly overload: Overload
  readonly events: Events
}

const RETRY_MS = 1_000
const NOTHING = Buffer.alloc(0)

/**
 * Takes a request through what all routes share: a place, token, limits, body, schemas; and turns what is thrown into an
 * answer. In that order, so that a request costs no more than what it has shown to be good for.
 */
export class RouteRunner {
  readonly #parts: RouteRunnerParts

  constructor(parts: RouteRunnerParts) {
    this.#parts = parts
  }

  /** Never rejects. Must be called in the callback that brought the request, since its body begins to arrive then. */
  async run(route: Route, exchange: Exchange): Promise<ApiAnswer> {
    let incoming: IncomingBody | undefined
    try {
      if (route.auth === 'none' && route.unlimited) return await this.#inTime(tell(route, exchange))
      incoming = this.#openBody(route, exchange)
      const caller = await this.#placed(exchange, () => this.#admit(route, exchange))
      incoming?.place.begin(caller?.address.user)
      // Nobody is answered while a body is on its way.
      const rawBody = (await incoming?.body.read()) ?? NOTHING
      if (exchange.announcedBytes === undefined) this.#requireBytes(route, exchange, caller, rawBody.length)
      return await this.#placed(exchange, () => {
        const request = this.#parse(route, exchange, rawBody)
        return this.#inTime(this.#handle(route, request, caller))
      })
    } catch (error) {
      const answer = errorAnswer(error)
      if (answer.status === 500) this.#parts.events.httpFault(route.method, route.path, error)
      return answer
    } finally {
      incoming?.place.release()
    }
  }

  /** Undefined: the route takes none. @throws RefusalError: TOO_LARGE, or there is no place for it */
  #openBody({ body, bytes }: Route, exchange: Exchange): IncomingBody | undefined {
    if (body === undefined && bytes === undefined) return undefined
    const { options, bodies, rawBodies } = this.#parts
    const maxBytes = bytes?.maxBytes ?? options.maxBodyBytes
    const opened = exchange.openBody(maxBytes)
    const { announcedBytes = maxBytes } = exchange
    if (announcedBytes > maxBytes) throw tooLarge(maxBytes)
    const place = (bytes === undefined ? bodies : rawBodies).take(exchange.prefix, announcedBytes, opened)
    opened.reportTo(place)
    return { body: opened, place }
  }

  async #placed<Result>(exchange: Exchange, work: () => Promise<Result>): Promise<Result> {
    this.#parts.places.enter(exchange.prefix)
    try {
      return await work()
    } finally {
      this.#parts.places.leave(exchange.prefix)
    }
  }

  /** Whose request it is; undefined: anybody's. Limits are asked here, whatever the body holds. */
  async #admit(route: Route, exchange: Exchange): Promise<Identity | undefined> {
    const { limiters, overload } = this.#parts
    if (route.sheddable) overload.requireRequest()
    const caller = route.auth === 'token' ? await this.#authenticate(exchange) : undefined
    if (caller === undefined) limiters.requireAddress('anonymous', exchange.clientAddress)
    else limiters.require('http', caller.address.user)
    if (route.limit !== undefined) this.#require(route.limit, exchange, caller)
    this.#requireBytes(route, exchange, caller, exchange.announcedBytes ?? 0)
    return caller
  }

  /** What JSON costs is its bytes, however little they say. */
  #requireBytes({ body }: Route, { clientAddress }: Exchange, caller: Identity | undefined, bytes: number): void {
    if (body === undefined || bytes === 0) return
    const { limiters } = this.#parts
    if (caller === undefined) limiters.requireAddress('bodyBytes', clientAddress, bytes)
    else limiters.require('bodyBytes', caller.address.user, bytes)
  }

  #require({ name, by }: RouteLimit, { clientAddress }: Exchange, caller: Identity | undefined): void {
    const { limiters } = this.#parts
    if (by === 'address' || caller === undefined) return limiters.requireAddress(name, clientAddress)
    const { user, device } = caller.address
    limiters.require(name, by === 'user' ? user : addressKey(user, device))
  }

  #handle(
    route: Route,
    request: ApiRequest<unknown, unknown, unknown>,
    caller: Identity | undefined,
  ): Promise<ApiAnswer> {
    const handle = async () => (route.auth === 'token' ? route.handle(request, caller!) : route.handle(request))
    const key = request.headers['idempotency-key']
    if (!route.idempotent || key === '') return handle()
    const user = route.auth === 'token' ? caller!.address.user : route.idempotentFor!(request.body)
    const { body, params } = request
    // A key counts for one device, and for what the path names.
    const of = [
      ...Object.values(params ?? {}).map(String),
      ...(caller === undefined ? [] : [`device ${caller.address.device}`]),
    ]
    const name = [`${route.method} ${route.path}`, ...of].join(' ')
    return this.#parts.idempotency.run({ user, route: name, key, request: canonical(body) }, handle)
  }

  /** What takes too long goes on, but its client is told. */
  async #inTime(answer: Promise<ApiAnswer>): Promise<ApiAnswer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const refusal = new RefusalError('UNAVAILABLE', 'This takes too long now', { retryAfterMs: RETRY_MS })
      timer = setTimeout(() => reject(refusal), this.#parts.options.answerTimeoutMs)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async #authenticate(exchange: Exchange): Promise<Identity> {
    const token = /^Bearer +(\S+)$/i.exec(exchange.headers.authorization)?.[1]
    const identity = token === undefined ? undefined : await this.#parts.tokens.identify(token)
    if (identity === undefined) {
      this.#parts.limiters.requireAddress('anonymous', exchange.clientAddress)
      throw new RefusalError('UNAUTHENTICATED', 'A good token is needed: Authorization: Bearer <token>')
    }
    return identity
  }

  #parse(route: Route, exchange: Exchange, rawBody: Buffer): ApiRequest<unknown, unknown, unknown> {
    const { headers, clientAddress, queryText } = exchange
    const params = parse('path', route.params, exchange.params)
    const query = parse('query', route.query ?? (route.hidden ? undefined : NO_QUERY), readQuery(queryText))
    const json = route.body && parseJsonBody(rawBody, headers['content-type'], this.#parts.options.maxJsonDepth)
    return { headers, params, clientAddress, rawBody, query, body: parse('body', route.body, json) }
  }
}

/** What a request asks for, however it is written: fields in the order of their schema, defaults filled in. */
function canonical(body: unknown): Buffer {
  const text = JSON.stringify(body, (_, value: unknown) => (value instanceof Uint8Array ? encodeBase64(value) : value))
  return Buffer.from(text ?? '')
}

const NO_QUERY = z.strictObject({})

/** @throws InvalidRequestError when a key comes twice: which one counts would be anybody's guess */
function readQuery(text: string): Readonly<Record<string, string>> {
  if (text === '') return {}
  const entries = [...new URLSearchParams(text)]
  const found = Object.fromEntries(entries)
  const names = Object.keys(found)
  if (names.length < entries.length) {
    const twice = names.filter((name) => entries.filter(([one]) => one === name).length > 1)
    const errors = twice.map((field) => ({ field, message: 'must be given once' }))
    throw new InvalidRequestError('query', errors)
  }
  return found
}

function parse(where: 'body' | 'query' | 'path', schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined
  const parsed = schema.safeParse(value, { error: wordingOf })
  if (!parsed.success) throw new InvalidRequestError(where, toFieldErrors(parsed.error))
  return parsed.data
}

async function tell(route: OpenRoute<z.ZodType, z.ZodType, z.ZodType>, exchange: Exchange): Promise<ApiAnswer> {
  const { headers, params, clientAddress } = exchange
  return route.handle({ headers, params, clientAddress, rawBody: NOTHING, query: undefined, body: undefined })
}

interface IncomingBody {
  readonly body: RequestBody
  readonly place: BodyPlace
}
