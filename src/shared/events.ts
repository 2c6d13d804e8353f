import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { UserId } from './ids.ts'
import { describeError } from './describe-error.ts'
import type { EventsOptions } from './events-options.ts'
import { busEvents } from './bus-events.ts'
import { clockEvents } from './clock-events.ts'
import { loadEvents } from './load-events.ts'
import { messageEvents } from './message-events.ts'

/**
 * What happens in a node, one function an event: each counts, and logs what an operator should read. Labels are few and
 * fixed; a user appears in logs by a keyed hash alone.
 */
export type Events = ReturnType<typeof createEvents>

export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

export function createEvents(options: EventsOptions) {
  return {
    ...nodeEvents(options),
    ...accountEvents(options),
    ...httpEvents(options),
    ...messageEvents(options),
    ...loadEvents(options),
    ...busEvents(options),
    ...clockEvents(options),
  }
}

function nodeEvents({ logger, registry }: EventsOptions) {
  const databaseWarnings = new Counter({
    name: 'parley_database_warnings_total',
    help: 'Connections that the database dropped, and what it said unasked',
    registers: [registry],
  })
  const databaseCrashes = new Counter({
    name: 'parley_embedded_database_crashes_total',
    help: 'How often the embedded PostgreSQL had to be started again',
    registers: [registry],
  })
  return {
    nodeStarted(port: number, readyMs: number): void {
      logger.info({ event: 'nodeStarted', port, readyMs: Math.round(readyMs) })
    },
    /** Clients from elsewhere send their tokens in the clear. */
    publicUrlInTheClear(url: string): void {
      const advice =
        'PUBLIC_URL is plain http: put TLS before the nodes, as docs/cluster.md shows, and name it by https'
      logger.warn({ event: 'publicUrlInTheClear', url }, advice)
    },
    /** All clients behind it share the limits of one address. */
    unknownProxy(address: string): void {
      const advice = `Requests of ${address} name other addresses in X-Forwarded-For: if it is your proxy, add it to TRUSTED_PROXIES`
      logger.warn({ event: 'unknownProxy', address }, advice)
    },
    startWaits(what: string): void {
      logger.info({ event: 'startWaits', for: what })
    },
    migrated(database: string, migrations: readonly string[]): void {
      logger.info({ event: 'migrated', database, migrations })
    },
    slotsChanged(): void {
      logger.info({ event: 'slotsChanged' })
    },
    /** From now on the server can hold keys of devices, as long as that file is there. */
    masterKeyMade(file: string): void {
      logger.warn({ event: 'masterKeyMade', file }, 'a master key for hosted devices was made: keep a copy of the file')
    },
    nodeDraining(): void {
      logger.info({ event: 'nodeDraining' })
    },
    nodeStopped(): void {
      logger.info({ event: 'nodeStopped' })
    },
    databaseWarning(database: string, message: string): void {
      databaseWarnings.inc()
      logger.warn({ event: 'databaseWarning', database, message })
    },
    databaseCrashed(): void {
      databaseCrashes.inc()
      logger.error({ event: 'databaseCrashed' }, 'the embedded PostgreSQL went away and is started again')
    },
    /** Something that runs beside requests failed; it is tried again by itself. */
    taskFailed(task: string, error: unknown): void {
      logger.error({ event: 'taskFailed', task, error: describeError(error) })
    },
  }
}

function accountEvents({ logger, registry, hashUser }: EventsOptions) {
  const codes = new Counter({
    name: 'parley_verification_codes_total',
    help: 'Verification codes, by what became of the request for one',
    labelNames: ['outcome'],
    registers: [registry],
  })
  const verifications = new Counter({
    name: 'parley_verifications_total',
    help: 'Attempts to register a device, by outcome',
    labelNames: ['outcome'],
    registers: [registry],
  })
  const smsBudgets = new Gauge({
    name: 'parley_sms_budget_left',
    help: 'Share of a budget of text messages that was left when the last code was asked for, by country calling code, or all',
    labelNames: ['budget'],
    registers: [registry],
  })
  const deleted = new Counter({
    name: 'parley_accounts_deleted_total',
    help: 'Accounts that their users deleted',
    registers: [registry],
  })
  const listsPut = new Counter({
    name: 'parley_device_lists_total',
    help: 'Device lists that primaries put',
    registers: [registry],
  })
  const linked = new Counter({
    name: 'parley_devices_linked_total',
    help: 'Devices that claimed their places',
    registers: [registry],
  })
  const removedDevices = new Counter({
    name: 'parley_devices_removed_total',
    help: 'Devices that were taken off a list or logged out',
    registers: [registry],
  })
  return {
    codeSent(user: UserId): void {
      codes.inc({ outcome: 'sent' })
      logger.info({ event: 'codeSent', user: hashUser(user) })
    },
    /** No more codes may go to the number now: whoever asked shares the newest one that did. */
    codeShared(user: UserId): void {
      codes.inc({ outcome: 'shared' })
      logger.info({ event: 'codeShared', user: hashUser(user) })
    },
    smsBudgetLeft(budget: string, share: number): void {
      smsBudgets.set({ budget }, Math.max(0, share))
    },
    smsBudgetLow(budget: string, share: number): void {
      const left = `${Math.floor(share * 100)} %`
      logger.warn(
        { event: 'smsBudgetLow', budget, left },
        'the budget of text messages runs out: raise it, or look who asks',
      )
    },
    smsBudgetSpent(budget: string): void {
      logger.error({ event: 'smsBudgetSpent', budget }, 'the budget of text messages is used up: no codes are sent')
    },
    codeNotSent(user: UserId, error: unknown): void {
      codes.inc({ outcome: 'failed' })
      logger.error({ event: 'codeNotSent', user: hashUser(user), error: describeError(error) })
    },
    verificationRefused(user: UserId, outcome: 'wrong code' | 'wrong pin' | 'pin required' | 'busy'): void {
      verifications.inc({ outcome })
      logger.info({ event: 'verificationRefused', user: hashUser(user), outcome })
    },
    registered(user: UserId, again: boolean, hosted: boolean): void {
      verifications.inc({ outcome: again ? 'registered again' : 'registered' })
      logger.info({ event: 'registered', user: hashUser(user), again, hosted })
    },
    /** The primary put a device list, which removed so many devices. */
    deviceListPut(user: UserId, removed: number): void {
      listsPut.inc()
      removedDevices.inc(removed)
      logger.info({ event: 'deviceListPut', user: hashUser(user), removed })
    },
    deviceLinked(user: UserId): void {
      linked.inc()
      logger.info({ event: 'deviceLinked', user: hashUser(user) })
    },
    deviceLoggedOut(user: UserId): void {
      removedDevices.inc()
      logger.info({ event: 'deviceLoggedOut', user: hashUser(user) })
    },
    /** A record of a hosted device does not open: it was changed, or moved, in the database. */
    hostedRecordDamaged(user: UserId): void {
      logger.error({ event: 'hostedRecordDamaged', user: hashUser(user) })
    },
    accountDeleted(user: UserId): void {
      deleted.inc()
      logger.info({ event: 'accountDeleted', user: hashUser(user) })
    },
  }
}

function httpEvents({ logger, registry }: EventsOptions) {
  const durations = new Histogram({
    name: 'parley_http_request_duration_seconds',
    help: 'From the head of a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  })
  const limited = new Counter({
    name: 'parley_rate_limited_total',
    help: 'Requests and frames refused by a limit, by its name',
    labelNames: ['limit'],
    registers: [registry],
  })
  return {
    httpAnswered(method: string, route: string, status: number, ms: number): void {
      durations.observe({ method, route, status }, ms / 1_000)
      logger.debug({ event: 'httpAnswered', method, route, status, ms: Math.round(ms * 10) / 10 })
    },
    /** A request met a defect of the server. */
    httpFault(method: string, route: string, error: unknown): void {
      logger.error({ event: 'httpFault', method, route, error: describeError(error) })
    },
    rateLimited(limit: string): void {
      limited.inc({ limit })
    },
  }
}
