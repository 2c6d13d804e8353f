import type { Registry } from 'prom-client'
import type { Config } from '../../config/config.ts'
import type { Hints } from '../actors/hints.ts'
import { systemClock } from '../../client/clock.ts'
import type { HostedMailbox } from '../actors/hosted-device.ts'
import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import type { UserId } from '../shared/ids.ts'
import type { Accounts } from '../storage/accounts.ts'
import { Backups } from '../storage/backups.ts'
import type { Contacts } from '../storage/contacts.ts'
import type { Database } from '../storage/database.ts'
import { DeviceLists } from '../storage/device-lists.ts'
import type { HostedRecords } from '../storage/hosted-records.ts'
import { IdempotencyKeys } from '../storage/idempotency-keys.ts'
import type { Links } from '../storage/links.ts'
import { PreKeyTake } from '../storage/pre-key-take.ts'
import { PreKeys } from '../storage/pre-keys.ts'
import { Registrations } from '../storage/registrations.ts'
import { Rendezvous } from '../storage/rendezvous.ts'
import type { Shards } from '../storage/shards.ts'
import type { TokenLookup } from '../storage/token-lookup.ts'
import type { Bus } from '../transport/bus.ts'
import type { Budgets } from './budgets.ts'
import type { HealthCheck } from './health.ts'
import { HostedAccounts } from './hosted/hosted-accounts.ts'
import { HostedStores } from './hosted/hosted-stores.ts'
import type { MasterKeys } from './hosted/master-keys.ts'
import { Idempotency } from './idempotency.ts'
import { KeyChecks } from './key-checks.ts'
import type { Limiters } from './limiters.ts'
import { LinkWaiters } from './link-waiters.ts'
import type { Lookups } from './lookups.ts'
import type { Overload } from './overload.ts'
import { Registrar } from './registrar.ts'
import type { Route } from './route.ts'
import { RequestPlaces } from './request-places.ts'
import { RouteRunner } from './route-runner.ts'
import { backupRoutes } from './routes/backup.ts'
import { contactRoutes } from './routes/contacts.ts'
import { deviceRoutes } from './routes/devices.ts'
import { docsRoutes } from './routes/docs.ts'
import { healthRoutes } from './routes/health.ts'
import { keyRoutes } from './routes/keys.ts'
import { linkRoutes } from './routes/links.ts'
import { meRoutes } from './routes/me.ts'
import { messageRoutes } from './routes/messages.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { registrationRoutes } from './routes/registrations.ts'
import { SmsBudget } from './sms-budget.ts'
import type { SmsSender } from './sms-sender.ts'
import { WaitingBodies } from './waiting-bodies.ts'

/** How often bodies that come too slowly are looked for. */
const BODY_SWEEP_MS = 1_000

export interface ApiParts {
  readonly config: Config
  readonly clock: Clock
  readonly events: Events
  readonly registry: Registry
  readonly checks: Readonly<Record<string, HealthCheck>>
  readonly shards: Shards<Database>
  readonly tokens: TokenLookup
  readonly limiters: Limiters
  readonly budgets: Budgets
  readonly lookups: Lookups
  readonly accounts: Accounts
  readonly contacts: Contacts
  readonly hosted: HostedMailbox
  readonly hostedRecords: HostedRecords
  readonly hints: Hints
  readonly links: Links
  readonly bus: Bus
  /** undefined: no device can be hosted. */
  readonly masterKeys: MasterKeys | undefined
  readonly overload: Overload
  readonly sms: SmsSender
}

export interface Api {
  readonly routes: readonly Route[]
  readonly runner: RouteRunner
  /** Requests that wait for something are answered. */
  stopWaiting(): void
  /** Finishes what hosted devices had put off; no request comes any more. */
  close(): Promise<void>
}

/** The HTTP API: its routes, and what carries requests through them. */
export function createApi(parts: ApiParts): Api {
  const { config, clock, events, registry, checks, shards, tokens, limiters, accounts, hosted, overload, sms } = parts
  const { masterKeys } = parts
  const registrations = new Registrations(shards, { ...config.accounts, masterKey: masterKeys?.first })
  const { hints, budgets, lookups } = parts
  const keyChecks = new KeyChecks(clock)
  const { linkLifetimeMs: lifetimeMs, maxBackupBytes } = config.accounts
  const rendezvous = new Rendezvous(shards, lifetimeMs)
  const waiters = new LinkWaiters(parts.bus)
  const lists = new DeviceLists(shards)
  const takeLimits = { perTaker: config.limits.preKeys, perTarget: config.limits.preKeysPerTarget }
  const take = new PreKeyTake(shards, takeLimits)
  const preKeys = new PreKeys(shards)
  const hostedAccounts =
    masterKeys &&
    new HostedAccounts({
      stores: new HostedStores({
        records: parts.hostedRecords,
        masterKeys,
        options: config.hosted,
        onDamaged: ({ address }) => events.hostedRecordDamaged(address.user as UserId),
      }),
      mailbox: hosted,
      // Of the server itself, which watches it.
      clock: { ...systemClock, now: () => clock.now(), isRight: true },
      maxOpen: config.hosted.maxOpenDevices,
      failed: (error) => events.taskFailed('hosted device', error),
      accounts,
      preKeys,
      take,
      lists,
      checks: keyChecks,
      hints,
      lookups,
    })
  const backups = new Backups(shards)
  const onNewIdentity = (user: UserId) => void tellOfIdentity(parts, user)
  const registrar = new Registrar({
    accounts,
    registrations,
    backups,
    checks: keyChecks,
    budgets,
    smsBudget: new SmsBudget(budgets, events),
    onNewIdentity,
    sms,
    events,
    hosted: hostedAccounts,
  })
  const idempotency = new Idempotency(new IdempotencyKeys(shards, config.accounts), events)
  const { http } = config
  const bodies = new WaitingBodies(config.bodies, () => performance.now())
  const rawBodies = new WaitingBodies(config.backups, () => performance.now())
  const places = new RequestPlaces(http.maxConcurrentRequests, http.maxConcurrentRequestsPerPrefix)
  const shared = { places, bodies, rawBodies, tokens, limiters, idempotency, overload, events }
  const runner = new RouteRunner({ options: http, ...shared })
  const sweep = setInterval(() => {
    bodies.sweep()
    rawBodies.sweep()
  }, BODY_SWEEP_MS)
  sweep.unref()
  const routes = [
    ...registrationRoutes(registrar),
    ...meRoutes(accounts, events),
    ...contactRoutes(parts.contacts, config.presence.maxContacts),
    ...deviceRoutes({ accounts, lists, checks: keyChecks, lookups, hints, events }),
    ...linkRoutes({ rendezvous, waiters, links: parts.links, checks: keyChecks, events, lifetimeMs }),
    ...backupRoutes(backups, maxBackupBytes),
    ...keyRoutes({ preKeys, take, lists, checks: keyChecks, lookups, hints, events }),
    ...messageRoutes(hostedAccounts, clock),
    ...healthRoutes(checks),
    ...(config.metrics.port === undefined ? metricsRoutes(registry) : []),
  ]
  return {
    runner,
    routes: [...routes, ...docsRoutes(routes)],
    stopWaiting: () => waiters.stop(),
    async close() {
      clearInterval(sweep)
      await hostedAccounts?.close()
    },
  }
}

/** Who hears at once that an account has another key; the others find out when they next write. */
const MAX_TOLD = 1_000

async function tellOfIdentity({ contacts, hints, events }: ApiParts, user: UserId): Promise<void> {
  try {
    for (const other of await contacts.findKnowing(user, MAX_TOLD)) {
      await hints.sendAll(other, { identityChanged: { user: String(user) } })
    }
  } catch (error) {
    events.taskFailed('telling of a new identity', error)
  }
}
