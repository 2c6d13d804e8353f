import { call } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import type { Probes } from './probe.ts'

export const httpProbes: Probes = {
  'http.maxBodyBytes': async (t) => {
    const server = await startNode(t, { config: { http: { maxBodyBytes: 1_024 } } })
    const body = { phone: '+15550000001', padding: 'x'.repeat(1_024) }
    const answer = await call(`${server.url}/v1/registrations`, { body })
    return `${answer.status} ${String(answer.body['code'])}`
  },
}
