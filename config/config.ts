import { resolve } from 'node:path'
import type { Env } from './env.ts'
import {
  parseInteger,
  parseKey,
  parseLimits,
  parseName,
  parseOneOf,
  parseUrl,
  parseUrls,
  type Report,
} from './parse.ts'
import { checkRelations } from './relations.ts'

const KiB = 1024
const MiB = 1024 * KiB
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export type Config = ReturnType<typeof parseConfig>

/** Wrong variables: `lines` has one clear line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly lines: readonly string[]

  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.lines = lines
  }
}

/**
 * Turns variables into one frozen object, typed and checked, with the unit of each figure in its name.
 * @throws ConfigError that lists everything that is wrong
 */
export function parseConfig(env: Env = {}) {
  const wrong: string[] = []
  const report: Report = (line) => void wrong.push(line)

  const smsUrl = env.SMS_SENDER === 'console' ? undefined : env.SMS_SENDER

  const config = {
    node: {
      name: parseName('NODE_NAME', env.NODE_NAME, 'node', report),
      /** Where clients reach this server, without a slash at its end; undefined: as they addressed it. */
      publicUrl: parseUrl('PUBLIC_URL', env.PUBLIC_URL, ['http:', 'https:'], report)?.replace(/\/+$/, ''),
      logLevel: parseOneOf('LOG_LEVEL', env.LOG_LEVEL, logLevels, 'info', report),
      /** How long a drain may wait for what is under way. */
      drainTimeoutMs: 20 * SECOND,
    },
    http: {
      host: env.HOST || '0.0.0.0',
      /** 0: any free port. */
      port: parseInteger('PORT', env.PORT, { default: 3_000, min: 0, max: 65_535 }, report),
      /** Of JSON: the largest message, with every character escaped. */
      maxBodyBytes: 256 * KiB,
      maxJsonDepth: 32,
      /** From the first byte of a body to the last. uWebSockets.js gives up on silent connections after 10 s. */
      bodyTimeoutMs: 8 * SECOND,
      /** From the whole request to its answer, whatever it waits for. */
      answerTimeoutMs: 25 * SECOND,
      /** Requests being answered at a time; more are refused. */
      maxConcurrentRequests: 2_000,
    },
    storage: {
      dataDir: resolve(env.DATA_DIR || '.data'),
      poolConnections: 10,
      connectTimeoutMs: 5 * SECOND,
      queryTimeoutMs: 10 * SECOND,
      /** Sessions and requests that may wait for the batched lookup of their token. */
      maxWaitingLookups: 20_000,
      lookupBatch: 500,
      /** How long an HTTP token is believed without being looked up again, if no change was heard of. */
      tokenCacheMs: 5 * SECOND,
      tokenCacheItems: 10_000,
      sweepIntervalMs: 10 * MINUTE,
    },
    accounts: {
      codeLifetimeMs: 10 * MINUTE,
      codeTries: 5,
      /** So long without use lifts the registration PIN. */
      pinIdleMs: 7 * DAY,
      smsTimeoutMs: 10 * SECOND,
      idempotencyLifetimeMs: 24 * HOUR,
    },
    bus: {
      /** No answer of another node in this time: the offline path. */
      requestTimeoutMs: 2 * SECOND,
    },
    gateway: {
      /** A session must send `connect` within it. */
      connectTimeoutMs: 10 * SECOND,
      pingIntervalMs: 25 * SECOND,
      pongTimeoutMs: 10 * SECOND,
      maxMessageBytes: 1 * MiB,
      maxPayloadBytes: 64 * KiB,
      maxCopies: 256,
      /** What may wait in the node for a client that reads slowly. */
      maxBackpressureBytes: 4 * MiB,
      /** Sessions a draining node sends away at a time, and the pause between. */
      goawayBatch: 500,
      goawayIntervalMs: 100,
    },
    mailbox: {
      /** Delivered and not yet acknowledged, per session. */
      windowEnvelopes: 256,
      windowBytes: 1 * MiB,
      /** Delivered and not removed yet, acknowledged ones included, per session. */
      inFlightEnvelopes: 1_280,
      /** Of one mailbox actor's inbox. */
      inboxItems: 4_096,
      inboxBytes: 8 * MiB,
      /** Every connected mailbox has its rows re-checked so often. */
      pollIntervalMs: 30 * SECOND,
      /** How long an envelope waits for a device that is offline. */
      retentionMs: 30 * DAY,
      expirySweepIntervalMs: 1 * MINUTE,
      /** How long a chain stays on the offline path after a node did not answer. */
      offlinePathMs: 5 * SECOND,
      /** How long an older actor of the same device is waited for. */
      takeOverTimeoutMs: 1 * SECOND,
    },
    sender: {
      /** Of a session, at most. */
      unansweredSends: 1_024,
      unansweredBytes: 8 * MiB,
      /** Recipients to whom a session has something on its way, at most. */
      conversations: 4_096,
      /** What a client is told to wait after a refusal for want of room. */
      retryAfterMs: 1 * SECOND,
      /** Device lists that a node remembers. */
      directoryUsers: 100_000,
      /** Users whose presence a session may watch. */
      watchedUsers: 1_000,
    },
    journal: {
      /** Of appends that wait or are being written, per database. */
      bufferBytes: 64 * MiB,
      /** Rows a statement, at most. */
      flushRows: 1_000,
      /** Between the starts of two flushes, at least: lets batches form. */
      flushIntervalMs: 5,
      /** How long a receipt may wait for the acknowledgement that makes its row unnecessary. */
      receiptDelayMs: 1 * SECOND,
      /** How long a delete may wait for others to share a flush with. */
      deleteDelayMs: 25,
      /** What PostgreSQL could not take for so long is refused. */
      giveUpMs: 5 * SECOND,
    },
    stamps: {
      /** How far ahead stamps of this node are claimed: so long it goes on without PostgreSQL. */
      aheadMs: 1 * HOUR,
      renewMs: 1 * MINUTE,
    },
    limits: parseLimits('LIMITS', env.LIMITS, report),
    /** Never logged: the URLs may hold passwords. */
    secrets: {
      /** Where user data lives, spread by the user's slot; undefined: an embedded PostgreSQL in `storage.dataDir`. */
      databaseUrls: parseUrls('DATABASE_URLS', env.DATABASE_URLS, ['postgres:', 'postgresql:'], report),
      /** Takes the text messages; undefined: codes are printed in the log. */
      smsUrl: parseUrl('SMS_SENDER', smsUrl, ['http:', 'https:'], report),
      /** 32 bytes, the same on every node; undefined: each start draws its own for the hashes in its logs. */
      masterKey: parseKey('MASTER_KEY', env.MASTER_KEY, report),
    },
  }
  checkRelations(config, report)
  if (wrong.length > 0) throw new ConfigError(wrong)
  return deepFreeze(config)
}

type DeepReadonly<T> = T extends Uint8Array
  ? T
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

function deepFreeze<T extends object>(value: T): DeepReadonly<T> {
  for (const child of Object.values(value)) {
    if (typeof child === 'object' && child !== null && !ArrayBuffer.isView(child)) deepFreeze(child)
  }
  return Object.freeze(value) as DeepReadonly<T>
}
