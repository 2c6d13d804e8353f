import type { z } from 'zod'
import type { LimitName } from '../../config/limits.ts'
import type { ErrorCode } from '../../proto/error-codes.ts'
import type { UserId } from '../shared/ids.ts'
import type { Identity } from '../storage/devices.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** A request as its route gets it: of the right type, within all limits. */
export interface ApiRequest<Body, Query, Params> {
  readonly body: Body
  readonly query: Query
  /** Parts of the path that the pattern names. */
  readonly params: Params
  /** Network address of the other end of the connection. */
  readonly clientAddress: string
  readonly headers: Readonly<Record<RequestHeader, string>>
  readonly rawBody: Buffer
}

/** Headers that routes may read; an absent one is empty. */
export const requestHeaders = [
  'accept-encoding',
  'authorization',
  'backup-id',
  'content-length',
  'content-type',
  'idempotency-key',
  'if-none-match',
  'transfer-encoding',
  'x-forwarded-for',
] as const

export type RequestHeader = (typeof requestHeaders)[number]

export interface ApiAnswer {
  readonly status: number
  /** Sent as JSON; bytes as they are, which need a content-type in `headers`. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A bucket that a request takes from before its body is read, and whose it is. */
export interface RouteLimit {
  readonly name: LimitName
  readonly by: 'address' | 'user' | 'device'
}

interface RouteBase<Body extends z.ZodType, Query extends z.ZodType, Params extends z.ZodType> {
  readonly method: Method
  /** As uWebSockets.js takes it: `/v1/things/:thing`. */
  readonly path: string
  readonly body?: Body
  readonly query?: Query
  /** Of the parts of the path that the pattern names. */
  readonly params?: Params
  /** Instead of `body`: any bytes, which the route reads from `rawBody`. */
  readonly bytes?: { readonly maxBytes: number }
  /** Beside the bucket `http`. */
  readonly limit?: RouteLimit
  /** Headers that the route reads, beside the usual ones. */
  readonly headers?: Readonly<Partial<Record<RequestHeader, z.ZodType>>>
  /** Left out of the description of the API. */
  readonly hidden?: boolean
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Answers that are no errors, by status. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType }>>
  /** Errors of this route, beside those that any request may meet. */
  readonly errors?: readonly ErrorCode[]
  /** Refused while the node sheds sends. */
  readonly sheddable?: boolean
  /** The request has an effect that must happen once: it takes an Idempotency-Key. */
  readonly idempotent?: boolean
}

export interface OpenRoute<Body extends z.ZodType, Query extends z.ZodType, Params extends z.ZodType> extends RouteBase<
  Body,
  Query,
  Params
> {
  readonly auth: 'none'
  /** Tells how the node is: it is outside of all limits, needs next to nothing and reads no body. */
  readonly unlimited?: boolean
  /** Under whom the Idempotency-Key is kept, since there is no caller. */
  idempotentFor?(body: z.output<Body>): UserId
  handle(request: ApiRequest<z.output<Body>, z.output<Query>, z.output<Params>>): Promise<ApiAnswer> | ApiAnswer
}

export interface TokenRoute<
  Body extends z.ZodType,
  Query extends z.ZodType,
  Params extends z.ZodType,
> extends RouteBase<Body, Query, Params> {
  readonly auth: 'token'
  handle(
    request: ApiRequest<z.output<Body>, z.output<Query>, z.output<Params>>,
    caller: Identity,
  ): Promise<ApiAnswer> | ApiAnswer
}

type Any = z.ZodType

export type Route = OpenRoute<Any, Any, Any> | TokenRoute<Any, Any, Any>

/** Checks the types of one route, whose schemas then are forgotten. */
export function openRoute<
  Body extends Any = z.ZodUndefined,
  Query extends Any = z.ZodUndefined,
  Params extends Any = z.ZodUndefined,
>(route: Omit<OpenRoute<Body, Query, Params>, 'auth'>): Route {
  return { ...route, auth: 'none' } as Route
}

/** As {@link openRoute}, for one that demands a token. */
export function tokenRoute<
  Body extends Any = z.ZodUndefined,
  Query extends Any = z.ZodUndefined,
  Params extends Any = z.ZodUndefined,
>(route: Omit<TokenRoute<Body, Query, Params>, 'auth'>): Route {
  return { ...route, auth: 'token' } as Route
}
