import { Counter, Gauge, Histogram } from 'prom-client'
import { describeError } from './describe-error.ts'
import type { EventsOptions } from './events-options.ts'
import type { UserId } from './ids.ts'

/** What happens to sessions, mailboxes and the journal. */
export function messageEvents({ logger, registry, hashUser }: EventsOptions) {
  const connections = new Gauge({
    name: 'parley_connections',
    help: 'Open WebSocket connections',
    registers: [registry],
  })
  const connects = new Counter({
    name: 'parley_connects_total',
    help: 'Sessions that were asked for, by result: ok, or the close code',
    labelNames: ['result'],
    registers: [registry],
  })
  const closes = new Counter({
    name: 'parley_closes_total',
    help: 'WebSocket connections that ended, by close code',
    labelNames: ['code'],
    registers: [registry],
  })
  const flushedRows = new Histogram({
    name: 'parley_journal_flush_rows',
    help: 'Rows that one statement of the journal wrote',
    buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000],
    registers: [registry],
  })
  const flushSeconds = new Histogram({
    name: 'parley_journal_flush_seconds',
    help: 'From the start of a flush to its commit',
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [registry],
  })
  const faults = new Counter({
    name: 'parley_faults_total',
    help: 'Defects and failures in the message path, by where they showed',
    labelNames: ['where'],
    registers: [registry],
  })
  const fault = (where: string, error: unknown): void => {
    faults.inc({ where })
    logger.error({ event: 'fault', where, error: describeError(error) })
  }
  return {
    socketOpened(): void {
      connections.inc()
    },
    socketClosed(code: number): void {
      connections.dec()
      closes.inc({ code: String(code) })
    },
    socketFault(error: unknown): void {
      fault('socket', error)
    },
    undecodable(error: Error): void {
      logger.debug({ event: 'undecodable', reason: error.message })
    },
    connected(user: UserId, session: string, client: string): void {
      connects.inc({ result: 'ok' })
      logger.debug({ event: 'connected', user: hashUser(user), session, client: client.slice(0, 64) })
    },
    connectRefused(code: number): void {
      connects.inc({ result: String(code) })
    },
    disconnected(user: UserId, session: string): void {
      logger.debug({ event: 'disconnected', user: hashUser(user), session })
    },
    actorCrashed(error: unknown): void {
      fault('mailbox actor', error)
    },
    flushed(appends: number, deletes: number, ms: number): void {
      flushedRows.observe(appends + deletes)
      flushSeconds.observe(ms / 1_000)
    },
    flushFailed(error: unknown): void {
      fault('journal flush', error)
    },
    readFailed(error: unknown): void {
      fault('mailbox read', error)
    },
    defect(message: string, error?: Error): void {
      fault(message, error)
    },
  }
}
