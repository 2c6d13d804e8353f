import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { readEnvFile } from './env-file.ts'

/** Of the host's name in the name of a node, which has 64 in all. */
const MAX_HOST_CHARS = 57

/** The environment variables that a node reads, by name; `config.ts` gives them their types, defaults and checks. */
export interface Env {
  readonly PORT?: string | undefined
  readonly HOST?: string | undefined
  readonly METRICS_PORT?: string | undefined
  readonly METRICS_HOST?: string | undefined
  readonly TRUSTED_PROXIES?: string | undefined
  readonly PUBLIC_URL?: string | undefined
  readonly NODE_NAME?: string | undefined
  readonly DATA_DIR?: string | undefined
  readonly BACKUP_DIR?: string | undefined
  readonly DATABASE_URLS?: string | undefined
  readonly NATS_URL?: string | undefined
  readonly NATS_CREDENTIALS?: string | undefined
  readonly NATS_CA?: string | undefined
  readonly SMS_SENDER?: string | undefined
  readonly MASTER_KEY?: string | undefined
  readonly LIMITS?: string | undefined
  readonly LOG_LEVEL?: string | undefined
}

/**
 * Names the variables, after those of the file `.env`, which replace none. An empty variable counts as absent.
 * @throws ConfigError when the file cannot be read
 */
export function readEnv(): Env {
  for (const [name, value] of Object.entries(readEnvFile('.env'))) process.env[name] ??= value
  const env = process.env
  return {
    PORT: env['PORT'],
    HOST: env['HOST'],
    METRICS_PORT: env['METRICS_PORT'],
    METRICS_HOST: env['METRICS_HOST'],
    TRUSTED_PROXIES: env['TRUSTED_PROXIES'],
    PUBLIC_URL: env['PUBLIC_URL'],
    // Two nodes of one machine must differ, hence the random part.
    NODE_NAME: env['NODE_NAME'] || nameAfter(hostname()),
    DATA_DIR: env['DATA_DIR'],
    BACKUP_DIR: env['BACKUP_DIR'],
    DATABASE_URLS: env['DATABASE_URLS'],
    NATS_URL: env['NATS_URL'],
    NATS_CREDENTIALS: env['NATS_CREDENTIALS'],
    NATS_CA: env['NATS_CA'],
    SMS_SENDER: env['SMS_SENDER'],
    MASTER_KEY: env['MASTER_KEY'],
    LIMITS: env['LIMITS'],
    LOG_LEVEL: env['LOG_LEVEL'],
  }
}

/** A name for a node of this host, as short as names must be. */
export function nameAfter(host: string): string {
  return `${host.replace(/[^A-Za-z0-9-]/g, '-').slice(0, MAX_HOST_CHARS)}-${randomBytes(3).toString('hex')}`
}
