import type { Registry } from 'prom-client'
import { isLoopback } from '../../shared/address-prefix.ts'
import { RefusalError } from '../../shared/refusal.ts'
import { openRoute, type Route } from '../route.ts'

/** For a node without METRICS_PORT: its metrics are for programs of its own machine. */
export function metricsRoutes(registry: Registry): Route[] {
  return [
    openRoute({
      method: 'GET',
      path: '/metrics',
      tag: 'Operation',
      summary: 'Figures for Prometheus',
      description:
        'To clients of the same machine alone, not by a proxy, and not at all where METRICS_PORT has a port of its own for it.',
      unlimited: true,
      answers: { 200: { description: 'In the text format of Prometheus' } },
      errors: ['NOT_FOUND'],
      async handle({ clientAddress, headers }) {
        // A proxy of this machine asks for the whole world.
        if (!isLoopback(clientAddress) || headers['x-forwarded-for'] !== '')
          throw new RefusalError('NOT_FOUND', 'There is nothing here: see /docs')
        const text = await registry.metrics()
        return { status: 200, body: Buffer.from(text), headers: { 'content-type': registry.contentType } }
      },
    }),
  ]
}
