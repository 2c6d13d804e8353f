import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { Registry } from 'prom-client'
import { StartError } from '../shared/start-error.ts'

/** Whoever collects metrics needs one connection; the rest is room for a second one and for a person. */
const MAX_CONNECTIONS = 16
const REQUEST_TIMEOUT_MS = 10_000

/** The metrics of a node, and nothing else, on a port that only those who operate it can reach. */
export class MetricsServer {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** @throws StartError when it cannot listen there */
  static async listen(registry: Registry, host: string, port: number): Promise<MetricsServer> {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      if (request.url !== '/metrics' || request.method !== 'GET') {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('There is only GET /metrics here\n')
        return
      }
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    })
    server.maxConnections = MAX_CONNECTIONS
    try {
      server.listen(port, host)
      await once(server, 'listening')
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException
      throw new StartError(`METRICS_PORT: cannot listen on ${host}, port ${port} (${code})`, { cause })
    }
    return new MetricsServer(server)
  }

  /** Chosen by the system where 0 was asked for. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
