import { Counter } from 'prom-client'
import { describeError } from './describe-error.ts'
import type { EventsOptions } from './events-options.ts'
import { Tally } from './tally.ts'

export const BUS_REQUEST_RESULTS = ['ok', 'noResponders', 'timeout', 'notConnected'] as const

export type BusRequestResult = (typeof BUS_REQUEST_RESULTS)[number]

/** What happens on the bus between the nodes. */
export function busEvents({ logger, registry }: EventsOptions) {
  const requests = new Tally({
    name: 'parley_bus_requests_total',
    help: 'Requests to other nodes, by how they ended; noResponders is how an offline device shows',
    label: 'result',
    values: BUS_REQUEST_RESULTS,
    registry,
  })
  const connects = new Counter({
    name: 'parley_bus_connects_total',
    help: 'How often the bus was found there: once at the start, and after each loss',
    registers: [registry],
  })
  const faults = new Counter({
    name: 'parley_bus_faults_total',
    help: 'Failed connections to the bus, and what was wrong with messages of it',
    registers: [registry],
  })
  /** It has failed since it was there last: while it is away, each attempt does. */
  let failing = false
  return {
    busConnected(server: string): void {
      failing = false
      connects.inc()
      logger.info({ event: 'busConnected', server })
    },
    busLost(reason: string): void {
      logger.warn({ event: 'busLost', reason })
    },
    busFault(error: unknown): void {
      faults.inc()
      logger[failing ? 'debug' : 'warn']({ event: 'busFault', error: describeError(error) })
      failing = true
    },
    busRequest(result: BusRequestResult): void {
      requests.add(result)
    },
  }
}
