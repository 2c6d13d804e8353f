import type { Registry } from 'prom-client'
import type { UserId } from './ids.ts'
import type { Logger } from './logger.ts'

/** Where events are counted and logged. */
export interface EventsOptions {
  readonly logger: Logger
  readonly registry: Registry
  readonly hashUser: (user: UserId) => string
}
