import { z } from 'zod'
import { checkHealth, type HealthCheck, shared } from '../health.ts'
import { openRoute, type Route } from '../route.ts'

const TAG = 'Operation'
const CHECK_TIMEOUT_MS = 2_000
/** However often it is asked, the databases are asked once in this time. */
const SHARE_MS = 200

const healthSchema = z.object({ state: z.enum(['ok', 'degraded', 'failed']), reason: z.string().optional() })
const reportSchema = z
  .object({ ready: z.boolean(), checks: z.record(z.string(), healthSchema) })
  .meta({ id: 'HealthReport' })

export function healthRoutes(checks: Readonly<Record<string, HealthCheck>>): Route[] {
  const report = shared(
    () => checkHealth(checks, CHECK_TIMEOUT_MS),
    SHARE_MS,
    () => performance.now(),
  )
  return [
    openRoute({
      method: 'GET',
      path: '/livez',
      tag: TAG,
      summary: 'Whether the process lives',
      unlimited: true,
      answers: { 200: { description: 'It does', schema: z.object({ live: z.literal(true) }) } },
      handle: () => ({ status: 200, body: { live: true } }),
    }),
    openRoute({
      method: 'GET',
      path: '/readyz',
      tag: TAG,
      summary: 'Whether the node should get traffic, and what of it is degraded',
      unlimited: true,
      answers: {
        200: { description: 'It should', schema: reportSchema },
        503: { description: 'It drains, or something that it needs is away', schema: reportSchema },
      },
      async handle() {
        const { ready, checks } = await report()
        return { status: ready ? 200 : 503, body: { ready, checks } }
      },
    }),
  ]
}
