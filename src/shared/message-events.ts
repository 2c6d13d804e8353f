import { Counter, Gauge, Histogram } from 'prom-client'
import { describeError } from './describe-error.ts'
import type { EventsOptions } from './events-options.ts'
import type { UserId } from './ids.ts'
import { MsHistogram } from './ms-histogram.ts'

/** Of latencies, up to the 30 s of a poll. */
const LATENCY_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000]

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
  const accepts = new MsHistogram(
    'parley_accept_seconds',
    'From the stamp of a message to its ✓, in steps of 1 ms: it has a row then, or its device has acknowledged it',
    LATENCY_MS,
    registry,
  )
  const deliveries = new MsHistogram(
    'parley_deliver_seconds',
    'From the stamp of a message, on whichever node, to the session of a device that was connected and up to date',
    LATENCY_MS,
    registry,
  )
  const redeliveries = new Counter({
    name: 'parley_redeliveries_total',
    help: 'Envelopes that a session was given and had not acknowledged when it ended: the next session gets them again',
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'parley_sends_refused_total',
    help: 'Sends of sessions that were refused, by the code of the error',
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
    sendAccepted(ms: number): void {
      accepts.observe(ms)
    },
    sendRefused(code: string): void {
      refusals.inc({ code })
    },
    deliveredLive(ms: number): void {
      deliveries.observe(ms)
    },
    leftUnacknowledged(envelopes: number): void {
      if (envelopes > 0) redeliveries.inc(envelopes)
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
    measureFailed(error: unknown): void {
      fault('mailbox measurement', error)
    },
    defect(message: string, error?: Error): void {
      fault(message, error)
    },
  }
}
