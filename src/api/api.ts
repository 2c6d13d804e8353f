import type { Registry } from 'prom-client'
import type { Config } from '../../config/config.ts'
import type { HostedDevices } from '../actors/hosted-device.ts'
import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import type { Accounts } from '../storage/accounts.ts'
import type { Contacts } from '../storage/contacts.ts'
import type { Database } from '../storage/database.ts'
import { IdempotencyKeys } from '../storage/idempotency-keys.ts'
import { Registrations } from '../storage/registrations.ts'
import type { Shards } from '../storage/shards.ts'
import type { TokenLookup } from '../storage/token-lookup.ts'
import type { HealthCheck } from './health.ts'
import { Idempotency } from './idempotency.ts'
import type { Limiters } from './limiters.ts'
import type { Overload } from './overload.ts'
import { Registrar } from './registrar.ts'
import type { Route } from './route.ts'
import { RouteRunner } from './route-runner.ts'
import { contactRoutes } from './routes/contacts.ts'
import { docsRoutes } from './routes/docs.ts'
import { healthRoutes } from './routes/health.ts'
import { meRoutes } from './routes/me.ts'
import { messageRoutes } from './routes/messages.ts'
import { registrationRoutes } from './routes/registrations.ts'
import type { SmsSender } from './sms-sender.ts'

export interface ApiParts {
  readonly config: Config
  readonly clock: Clock
  readonly events: Events
  readonly registry: Registry
  readonly checks: Readonly<Record<string, HealthCheck>>
  readonly shards: Shards<Database>
  readonly tokens: TokenLookup
  readonly limiters: Limiters
  readonly accounts: Accounts
  readonly contacts: Contacts
  readonly hosted: HostedDevices
  readonly overload: Overload
  readonly sms: SmsSender
}

/** The HTTP API: its routes, and what carries requests through them. */
export function createApi(parts: ApiParts): { readonly routes: readonly Route[]; readonly runner: RouteRunner } {
  const { config, clock, events, registry, checks, shards, tokens, limiters, accounts, hosted, overload, sms } = parts
  const { masterKey } = config.secrets
  const registrations = new Registrations(shards, { ...config.accounts, masterKey }, clock)
  const registrar = new Registrar({ accounts, registrations, limiters, sms, events })
  const idempotency = new Idempotency(new IdempotencyKeys(shards, config.accounts.idempotencyLifetimeMs, clock), events)
  const runner = new RouteRunner({ options: config.http, tokens, limiters, idempotency, overload, events })
  const routes = [
    ...registrationRoutes(registrar, config.accounts.codeLifetimeMs),
    ...meRoutes(accounts, events),
    ...contactRoutes(parts.contacts, config.presence.maxContacts),
    ...messageRoutes(hosted, clock),
    ...healthRoutes(checks, registry),
  ]
  return { runner, routes: [...routes, ...docsRoutes(routes)] }
}
