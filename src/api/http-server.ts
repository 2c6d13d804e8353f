import { createServer } from 'node:net'
import uWS from '../transport/uws.ts'
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import type { Events } from '../shared/events.ts'
import { StartError } from '../shared/start-error.ts'
import { addressPrefix, isThisMachine } from '../shared/address-prefix.ts'
import type { ClientAddress } from '../transport/client-address.ts'
import { HTTP_IDLE_MS } from '../transport/connection-places.ts'
import type { ConnectionPlaces } from '../transport/connection-places.ts'
import { Exchange } from './exchange.ts'
import { errorAnswer } from './error-answer.ts'
import type { ApiAnswer, Method, Route } from './route.ts'
import type { RouteRunner } from './route-runner.ts'
import { RefusalError } from '../shared/refusal.ts'

const register = { GET: 'get', POST: 'post', PATCH: 'patch', PUT: 'put', DELETE: 'del' } as const

/** Tokens travel in a header and not in cookies, so pages of any origin may call the API. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after, idempotency-replayed',
}
const COMMON = { ...CORS, 'x-content-type-options': 'nosniff' }
const PREFLIGHT_SECONDS = 3_600
const FULL_RETRY_MS = 1_000

/** LIBUS_LISTEN_EXCLUSIVE_PORT */
const EXCLUSIVE_PORT = 1

/** A form of `listen` that the types of uWebSockets.js leave out. */
interface ExclusiveListener {
  listen(host: string, port: number, options: number, callback: (socket: us_listen_socket | false) => void): void
}

export interface HttpServerOptions {
  readonly app: TemplatedApp
  readonly runner: RouteRunner
  readonly events: Events
  readonly clientAddress: ClientAddress
  readonly connections: ConnectionPlaces
  /** Whose a connection is that was just opened; undefined: not known before its first request. */
  readonly openerOf: (response: HttpResponse) => string | undefined
}

/** Serves routes on a uWebSockets.js app, which others may use too, and the port that they share. */
export class HttpServer {
  readonly #app: TemplatedApp
  readonly #runner: RouteRunner
  readonly #events: Events
  readonly #clientAddress: ClientAddress
  readonly #connections: ConnectionPlaces
  readonly #openerOf: HttpServerOptions['openerOf']
  #turning: NodeJS.Timeout | undefined
  #socket: us_listen_socket | undefined
  #underWay = 0
  #onIdle: (() => void) | undefined
  #draining = false

  constructor(options: HttpServerOptions) {
    this.#app = options.app
    this.#runner = options.runner
    this.#events = options.events
    this.#clientAddress = options.clientAddress
    this.#connections = options.connections
    this.#openerOf = options.openerOf
  }

  /** Once, with all routes: what no route takes is answered here too. */
  serve(routes: readonly Route[]): void {
    this.#app.filter((response, count) => this.#connected(response, Number(count)))
    this.#turning = setInterval(() => this.#connections.turn(), HTTP_IDLE_MS)
    this.#turning.unref()
    const byPath = Map.groupBy(routes, ({ path }) => path)
    for (const [path, routesOfPath] of byPath) {
      const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as string)
      for (const route of routesOfPath) {
        const handler = this.#handler(names, route)
        this.#app[register[route.method]](path, handler)
        if (route.method === 'GET') this.#app.head(path, handler)
      }
      const methods = routesOfPath.map(({ method }) => method)
      const allow = [...methods, ...(methods.includes('GET') ? (['HEAD'] as const) : []), 'OPTIONS'].join(', ')
      this.#app.options(path, (response, request) => this.#preflight(this.#exchange(response, request), allow))
      this.#app.any(path, (response, request) => {
        const error = new RefusalError('METHOD_NOT_ALLOWED', `There is only ${allow} here`)
        this.#refuse(this.#exchange(response, request), error, { allow })
      })
    }
    // A page learns what is wrong only of what it may ask.
    this.#app.options('/*', (response, request) => this.#preflight(this.#exchange(response, request), 'OPTIONS'))
    this.#app.any('/*', (response, request) => {
      const exchange = this.#exchange(response, request)
      this.#refuse(exchange, new RefusalError('NOT_FOUND', 'There is nothing here: see /docs'))
    })
  }

  /** @returns the port, chosen by the system when `port` is 0. @throws StartError */
  async listen(host: string, port: number): Promise<number> {
    const socket = await new Promise<us_listen_socket | false>((resolve) => {
      // Exclusive: by default Linux would let a second process listen on the same port and share its connections.
      const app = this.#app as unknown as ExclusiveListener
      app.listen(host, port, EXCLUSIVE_PORT, resolve)
    })
    if (socket === false) {
      await requirePort(host, port)
      throw new StartError(`PORT: cannot listen on ${host}, port ${port}`)
    }
    this.#socket = socket
    return uWS.us_socket_local_port(socket as never)
  }

  /** Connections are told to end with their next answer. */
  startDraining(): void {
    this.#draining = true
  }

  /** Takes no more connections; resolves when everything under way is answered, or after `timeoutMs`. */
  async finish(timeoutMs: number): Promise<void> {
    this.#stopListening()
    if (this.#underWay === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      timer = setTimeout(resolve, timeoutMs)
    })
    clearTimeout(timer)
    // What was answered last leaves when uWebSockets.js gets its turn again.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }

  /** Cuts all connections of the app. */
  close(): void {
    this.#stopListening()
    clearInterval(this.#turning)
    this.#app.close()
  }

  #stopListening(): void {
    if (this.#socket !== undefined) uWS.us_listen_socket_close(this.#socket)
    this.#socket = undefined
  }

  #handler(paramNames: readonly string[], route: Route): Parameters<TemplatedApp['any']>[1] {
    return (response, request) => {
      const exchange = this.#exchange(response, request, paramNames)
      const isProbe = route.auth === 'none' && route.unlimited === true
      if (this.#connections.full && !isProbe && this.#mayProbe(this.#openerOf(response))) {
        const message = 'This node has no room: come later'
        return this.#refuse(exchange, new RefusalError('OVERLOADED', message, { retryAfterMs: FULL_RETRY_MS }))
      }
      this.#underWay++
      void this.#runner.run(route, exchange).then(async (answer) => {
        const headers = {
          ...COMMON,
          'cache-control': 'no-store',
          'content-type': 'application/json',
          ...answer.headers,
        }
        if (answer.body === undefined) delete (headers as Record<string, string>)['content-type']
        this.#answered(exchange, route.path, answer.status)
        await this.#answer(exchange, { ...answer, headers })
        if (--this.#underWay === 0) this.#onIdle?.()
      })
    }
  }

  #exchange(response: HttpResponse, request: HttpRequest, paramNames: readonly string[] = []): Exchange {
    const exchange = new Exchange(response, request, paramNames, this.#clientAddress(response, request))
    this.#connections.began(exchange.prefix)
    return exchange
  }

  async #answer(exchange: Exchange, answer: ApiAnswer): Promise<void> {
    // A connection that is kept for the next request is a luxury; and what a client that has sent too much has sent
    // beyond that is not even read.
    const ends = this.#draining || this.#connections.crowded || answer.status === 429
    const stays = await exchange.answer(answer, ends)
    this.#connections.ended(exchange.prefix, stays)
  }

  /** uWebSockets.js tells of each connection twice: when it is opened and, unless it became a WebSocket, when it ends. */
  #connected(response: HttpResponse, count: number): void {
    if (count < 0) return this.#connections.closed()
    const opener = this.#openerOf(response)
    const prefix = opener === undefined ? undefined : addressPrefix(opener)
    const refusal = this.#connections.opened(prefix, this.#mayProbe(opener))
    if (refusal !== undefined) response.close()
  }

  /** A load balancer, or a program of this machine: either asks whether the node is well. */
  #mayProbe(opener: string | undefined): boolean {
    return opener === undefined || isThisMachine(opener)
  }

  #preflight(exchange: Exchange, allow: string): void {
    const headers = {
      ...COMMON,
      allow,
      'access-control-allow-methods': '*',
      // Also those that tracing adds. The asterisk does not stand for `authorization` (Fetch standard, 4.8).
      'access-control-allow-headers': 'authorization, *',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    }
    void this.#answer(exchange, { status: 204, headers })
    this.#answered(exchange, 'preflight', 204)
  }

  #refuse(exchange: Exchange, error: RefusalError, headers: Readonly<Record<string, string>> = {}): void {
    const answer = errorAnswer(error)
    void this.#answer(exchange, { ...answer, headers: { ...COMMON, ...answer.headers, ...headers } })
    this.#answered(exchange, 'none', answer.status)
  }

  #answered(exchange: Exchange, route: string, status: number): void {
    const method = Object.hasOwn(register, exchange.method as Method) ? exchange.method : 'other'
    this.#events.httpAnswered(method, route, status, performance.now() - exchange.startedAt)
  }
}

/** Fails with one line that says why the port cannot be had, if it cannot. @throws StartError */
export async function requirePort(host: string, port: number): Promise<void> {
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen({ host, port, exclusive: true }, resolve)
    })
  } catch (cause) {
    const reasons: Record<string, string> = {
      EADDRINUSE: `port ${port} of ${host} is in use by another program`,
      EACCES: `port ${port} may be used by root only`,
      EADDRNOTAVAIL: `HOST: this machine has no address ${host}`,
      ENOTFOUND: `HOST: there is no host ${host}`,
    }
    const { code = '' } = cause as NodeJS.ErrnoException
    const reason = reasons[code] ?? `cannot listen on ${host}, port ${port} (${code})`
    throw new StartError(reason.startsWith('HOST') ? reason : `PORT: ${reason}`, { cause })
  } finally {
    await new Promise((resolve) => probe.close(resolve))
  }
}
