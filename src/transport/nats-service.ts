import { headers, ServiceErrorCodeHeader, ServiceErrorHeader } from 'nats'
import type { NatsConnection, QueuedIterator, Service, ServiceMsg } from 'nats'

/** What an endpoint says to a request. `silent`: it is for another node. */
export type ServiceAnswer =
  | { readonly type: 'answer'; readonly body: object }
  | { readonly type: 'error'; readonly status: number; readonly code: string; readonly message: string }
  | { readonly type: 'silent' }

export interface ServiceEndpoint {
  readonly name: string
  readonly subject: string
  /** For people. */
  readonly description: string
  /** Whether every node hears a request, or any one of them. */
  readonly heardBy: 'every node' | 'one node'
  /** What it throws is answered as a fault of the server. */
  handle(data: Uint8Array): Promise<ServiceAnswer>
}

export interface NatsServiceOptions {
  readonly name: string
  /** As semver has it. */
  readonly version: string
  readonly description: string
  readonly node: string
  readonly endpoints: readonly ServiceEndpoint[]
  readonly onFault: (error: unknown) => void
}

/** Requests that may wait at an endpoint, which answers one at a time; more are refused. */
const MAX_WAITING = 64

interface Errors {
  errors: number
  lastError: string | undefined
}

/**
 * A service of the NATS micro protocol (ADR-32), so that `nats micro` finds the node, and `nats req` talks to it. Who may
 * ask is for the NATS server to decide, by its permissions.
 *
 * @see https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md
 */
export class NatsService {
  readonly #options: NatsServiceOptions
  /** By subject. */
  readonly #errors = new Map<string, Errors>()
  #connection: NatsConnection | undefined
  #service: Service | undefined
  #attached: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: NatsServiceOptions) {
    this.#options = options
    for (const { subject } of options.endpoints) this.#errors.set(subject, { errors: 0, lastError: undefined })
  }

  /** Serves on this connection. Again for one that has come back: then its subscriptions are there already. */
  attach(connection: NatsConnection | undefined): Promise<void> {
    this.#attached = this.#attached.then(() => this.#attach(connection))
    return this.#attached
  }

  async #attach(connection: NatsConnection | undefined): Promise<void> {
    if (connection === undefined || this.#closed) return
    if (connection === this.#connection && this.#service?.isStopped === false) return
    this.#connection = connection
    const { name, version, description, node, endpoints, onFault } = this.#options
    try {
      const service = await connection.services.add({
        name,
        version,
        description,
        metadata: { node },
        statsHandler: ({ subject }) => Promise.resolve(this.#errors.get(subject)),
      })
      this.#service = service
      for (const endpoint of endpoints) {
        const requests = service.addEndpoint(endpoint.name, {
          subject: endpoint.subject,
          // A group of its own for each node: nats.js knows no endpoint without one.
          queue: endpoint.heardBy === 'every node' ? node : name,
          metadata: { description: endpoint.description },
        })
        void this.#serve(endpoint, requests)
      }
    } catch (error) {
      onFault(error)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#attached
    await this.#service?.stop()
  }

  async #serve(endpoint: ServiceEndpoint, requests: QueuedIterator<ServiceMsg>): Promise<void> {
    for await (const request of requests) {
      try {
        this.#respond(endpoint, request, await this.#answer(endpoint, request, requests.getPending()))
      } catch (error) {
        this.#options.onFault(error)
      }
    }
  }

  async #answer(endpoint: ServiceEndpoint, request: ServiceMsg, waiting: number): Promise<ServiceAnswer> {
    if (waiting > MAX_WAITING) {
      return { type: 'error', status: 503, code: 'OVERLOADED', message: 'Too many requests wait here' }
    }
    try {
      return await endpoint.handle(request.data)
    } catch (error) {
      this.#options.onFault(error)
      return { type: 'error', status: 500, code: 'INTERNAL', message: 'The server has a fault; it was logged' }
    }
  }

  #respond(endpoint: ServiceEndpoint, request: ServiceMsg, answer: ServiceAnswer): void {
    if (answer.type === 'silent') return
    if (answer.type === 'answer') return void request.respond(JSON.stringify(answer.body))
    const { status, code, message } = answer
    const errors = this.#errors.get(endpoint.subject)!
    errors.errors++
    errors.lastError = message
    const micro = headers()
    micro.set(ServiceErrorCodeHeader, String(status))
    micro.set(ServiceErrorHeader, message)
    request.respond(JSON.stringify({ code, message }), { headers: micro })
  }
}
