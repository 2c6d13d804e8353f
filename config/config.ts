import { resolve } from 'node:path'
import type { Env } from './env.ts'
import {
  parseInteger,
  parseKeys,
  parseLimits,
  parseName,
  parseNetworks,
  parseOneOf,
  parsePlainPath,
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

  const trustedProxies = parseNetworks('TRUSTED_PROXIES', env.TRUSTED_PROXIES, report)
  const smsUrl = env.SMS_SENDER === 'console' ? undefined : env.SMS_SENDER

  const config = {
    node: {
      name: parseName('NODE_NAME', env.NODE_NAME, 'node', report),
      /** Where clients reach this server, without a slash at its end; undefined: as they addressed it. */
      publicUrl: parseUrl('PUBLIC_URL', env.PUBLIC_URL, ['http:', 'https:'], report)?.replace(/\/+$/, ''),
      logLevel: parseOneOf('LOG_LEVEL', env.LOG_LEVEL, logLevels, 'info', report),
      /** How long a drain may wait for what is under way. */
      drainTimeoutMs: 20 * SECOND,
      /** From a red `/readyz` to the first `goaway`: a load balancer must have noticed, else clients come back here. */
      drainPauseMs: trustedProxies.length === 0 ? 0 : 3 * SECOND,
    },
    http: {
      host: env.HOST || '0.0.0.0',
      /** 0: any free port. */
      port: parseInteger('PORT', env.PORT, { default: 3_000, min: 0, max: 65_535 }, report),
      /** Load balancers whose PROXY protocol header names the client: addresses, and networks such as 10.0.0.0/8. */
      trustedProxies,
      /** Of JSON: the largest message, with every character escaped. */
      maxBodyBytes: 256 * KiB,
      maxJsonDepth: 32,
      /** From the whole request to its answer, whatever it waits for. */
      answerTimeoutMs: 25 * SECOND,
      /** Requests being answered at a time, and those of one address prefix; one whose body arrives is not. */
      maxConcurrentRequests: 2_000,
      maxConcurrentRequestsPerPrefix: 1_000,
    },
    metrics: {
      /** Of the metrics alone; undefined: `/metrics` on the port of all, for clients of this machine. 0: any free port. */
      port: env.METRICS_PORT
        ? parseInteger('METRICS_PORT', env.METRICS_PORT, { default: 0, min: 0, max: 65_535 }, report)
        : undefined,
      host: env.METRICS_HOST || '127.0.0.1',
    },
    connections: {
      /** HTTP and WebSocket, in all; fewer if the system allows the process fewer files. */
      max: 1_000_000,
      /** Files kept for the log, NATS, text messages; and for the connections to each database. */
      reservedFiles: 64,
      reservedFilesPerDatabase: 32,
      /** Past this share of them no address prefix may have more than `prefixShare`, and HTTP keeps no connection open. */
      crowdedShare: 0.8,
      prefixShare: 0.25,
      /** More than `max`, out of the reserved files: for load balancers and this machine, to ask whether the node is well. */
      forProbes: 16,
    },
    /** Of JSON, on its way to the node. Past the places, the slowest gives way. */
    bodies: {
      /** Of which a part is still to come; those of one address prefix, and of one user. */
      maxWaiting: 1_000,
      maxWaitingPerPrefix: 64,
      maxWaitingPerUser: 32,
      /** Of all that arrive or are being answered. */
      maxBytes: 64 * MiB,
      /** After it a body must have come at this rate: a line of 20 kbit/s does. */
      graceMs: 5 * SECOND,
      minBytesPerSecond: 1 * KiB,
      /** However fast. */
      timeoutMs: 120 * SECOND,
    },
    /** The same of backups. */
    backups: {
      maxWaiting: 32,
      maxWaitingPerPrefix: 4,
      maxWaitingPerUser: 1,
      maxBytes: 64 * MiB,
      graceMs: 5 * SECOND,
      minBytesPerSecond: 8 * KiB,
      timeoutMs: 300 * SECOND,
    },
    storage: {
      dataDir: resolve(env.DATA_DIR || '.data'),
      /** Of the embedded PostgreSQL; undefined: it is not backed up. */
      backupDir: parsePlainPath('BACKUP_DIR', env.BACKUP_DIR, report),
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
      /** How often the metrics on mailboxes are brought up to date. */
      mailboxSampleIntervalMs: 1 * MINUTE,
    },
    accounts: {
      codeLifetimeMs: 10 * MINUTE,
      codeTries: 5,
      /** So long without use lifts the registration PIN. */
      pinIdleMs: 7 * DAY,
      smsTimeoutMs: 10 * SECOND,
      idempotencyLifetimeMs: 24 * HOUR,
      /** Keys of a user that are remembered so long: the newest. */
      maxIdempotencyKeys: 20_000,
      /** Of a rendezvous, and of the token that claims a place for a device. */
      linkLifetimeMs: 2 * MINUTE,
      maxBackupBytes: 8 * MiB,
    },
    bus: {
      /** No answer of another node in this time: the offline path. */
      requestTimeoutMs: 2 * SECOND,
      /** Mailboxes whose node is remembered. */
      maxLocations: 50_000,
      /** NATS is asked for a sign of life so often, and taken for lost when none came for so long. */
      probeIntervalMs: 1 * SECOND,
      probeTimeoutMs: 2 * SECOND,
      /** Of what was published and not confirmed by a sign of life. */
      maxUnconfirmedBytes: 32 * MiB,
      /** Of the user's JWT and seed, and of certificates to trust; undefined: not needed. */
      credentialsFile: env.NATS_CREDENTIALS || undefined,
      caFile: env.NATS_CA || undefined,
    },
    gateway: {
      /** A session must send `connect` within it. The SDK gives an attempt up after 15 s, so that it never comes to this. */
      connectTimeoutMs: 20 * SECOND,
      pingIntervalMs: 25 * SECOND,
      /** Silence for so long after a ping ends a session. A line of 20 kbit/s needs most of it for one large message. */
      pongTimeoutMs: 60 * SECOND,
      maxMessageBytes: 1 * MiB,
      maxPayloadBytes: 64 * KiB,
      maxCopies: 256,
      /** Of a connection before its `connected`: frames that are kept until then, and all bytes. */
      earlyFrames: 256,
      earlyBytes: 128 * KiB,
      /** Of the frames kept, on all connections. */
      earlyBytesInAll: 32 * MiB,
      /** Of a connection's messages that wait for its turn: more than an SDK ever has under way. */
      waitingBytes: 8 * MiB,
      waitingBytesInAll: 64 * MiB,
      /** What may wait in the node for a client that reads slowly. */
      maxBackpressureBytes: 4 * MiB,
      /** For all of them. */
      bufferedBytesInAll: 512 * MiB,
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
      /** The same while the bus is away, and no wakes come. */
      deafPollIntervalMs: 1 * SECOND,
      /** How long an envelope waits for a device that is offline. */
      retentionMs: 30 * DAY,
      expirySweepIntervalMs: 1 * MINUTE,
      /** How long a chain stays on the offline path after a node did not answer. */
      offlinePathMs: 5 * SECOND,
      /** How long an older actor of the same device is waited for. */
      takeOverTimeoutMs: 1 * SECOND,
    },
    /**
     * What a mailbox may hold while its device does not fetch it. Bytes count each row with what PostgreSQL needs for it.
     * A node measures the rows now and then: as many steps more may be stored as there are nodes.
     */
    room: {
      maxEnvelopes: 100_000,
      maxBytes: 256 * MiB,
      /** Of one sender, who never holds more than is left for everybody else. */
      senderEnvelopes: 20_000,
      senderBytes: 64 * MiB,
      /** Of one sender whom the user does not have among their contacts, if they have named any. */
      strangerEnvelopes: 200,
      strangerBytes: 1 * MiB,
      /** Of all of those together. */
      strangersEnvelopes: 20_000,
      strangersBytes: 48 * MiB,
      /** Of the receipts that clients send, beside the messages: in all, and of one sender. */
      receiptBytes: 16 * MiB,
      senderReceiptBytes: 2 * MiB,
      /** What a node adds at least before it measures again. */
      stepEnvelopes: 500,
      stepBytes: 4 * MiB,
    },
    sender: {
      /** Of a session, at most. */
      unansweredSends: 1_024,
      unansweredBytes: 8 * MiB,
      /** Recipients to whom a session has something on its way, at most. */
      conversations: 4_096,
      /** What the sender of something for a full mailbox is told to wait. */
      fullRetryAfterMs: 1 * MINUTE,
      /** Device lists that a node remembers. */
      directoryUsers: 100_000,
    },
    /** A message ends once and for all, so what has expired ends slowly, and not at all while a clock may be wrong. */
    expiry: {
      /** Envelopes that one look through a database ends, at most: the next goes on from there. */
      sweepRows: 20_000,
      /** Envelopes of a database that may have expired at once, and share of them, whichever is more; past it none is ended. */
      floodRows: 20,
      floodShare: 0.1,
      /** So long nothing ends after that, or after PostgreSQL's clock stepped, unless an operator says so. */
      holdMs: 1 * DAY,
    },
    /** PostgreSQL's clock is the node's, and the machine's own is held against it. */
    clock: {
      lookIntervalMs: 2 * SECOND,
      /** Of one look, the quickest counts; one within `goodLookMs` is enough. */
      looks: 4,
      goodLookMs: 20,
      /** By more no two clocks may differ. */
      toleranceMs: 1 * SECOND,
    },
    presence: {
      /** Users whose presence a session may watch. */
      watchedUsers: 1_000,
      /** Watches of all sessions of a node. */
      maxWatches: 1_000_000,
      /** A node gives a sign of itself so often. */
      heartbeatMs: 5 * SECOND,
      /** After so long without one it counts as gone, and who was online through it as offline. */
      silentMs: 15 * SECOND,
      /** Changes of who may see whom take effect after it, together. */
      privacyDelayMs: 100,
      /** All that is known of watched users is asked for again within this time, so that nothing that was missed stays wrong. */
      refreshMs: 10 * MINUTE,
      /** How long the time at which a user was last seen waits for others, to be written with them. */
      lastSeenFlushMs: 1 * SECOND,
      /** So many do not wait, and so many go into one statement. */
      lastSeenFlushUsers: 1_000,
      /** Users whose times may wait while the database is away. */
      lastSeenMaxUsers: 100_000,
      /** Contacts that a user may name. */
      maxContacts: 5_000,
    },
    journal: {
      /** Of appends that wait or are being written, per database. */
      bufferBytes: 64 * MiB,
      /** Rows a statement, at most. */
      flushRows: 1_000,
      /** Bytes of those, at most: whoever waits for the next statement waits for these. */
      flushBytes: 1 * MiB,
      /** Between the starts of two flushes, at least: lets batches form. */
      flushIntervalMs: 5,
      /** How long a receipt may wait for the acknowledgement that makes its row unnecessary. */
      receiptDelayMs: 1 * SECOND,
      /** How long a delete may wait for others to share a flush with. */
      deleteDelayMs: 25,
      /** What PostgreSQL could not take for so long is refused. */
      giveUpMs: 5 * SECOND,
    },
    /**
     * What a node refuses before it becomes slow for all. Past `connections` new sessions are refused, past `sends`
     * messages too; always with a time after which to come again. Sessions, deliveries, receipts go on.
     */
    overload: {
      /** How often the node looks at itself. */
      sampleIntervalMs: 100,
      /** How late the timers of the last samples came, on average. Of the whole node. */
      eventLoopDelayMs: { connections: 300, sends: 700 },
      /** How long the oldest write of a journal waits. Of the users of its database. */
      journalAgeMs: { connections: 1 * SECOND, sends: 1.5 * SECOND },
      /** Share of `journal.bufferBytes` in use; the rest is kept for receipts. */
      journalFill: { connections: 0.5, sends: 0.8 },
      /** A level ends when the value has been below this share of its threshold for so long. */
      calmShare: 0.5,
      calmMs: 1 * SECOND,
      /** What a refused client is told to wait: it grows with the backlog up to the second, and half as much is added at random. */
      retryAfterMs: 1 * SECOND,
      maxRetryAfterMs: 10 * SECOND,
    },
    hosted: {
      /** Transactions on the stores of hosted devices at a time, per database. */
      connections: 5,
      /** How long a node remembers the opened key of a device's store. */
      dataKeyCacheMs: 10 * MINUTE,
      dataKeyCacheItems: 10_000,
      /** Devices that a node keeps opened, at most: one that is not costs a read at its next use. */
      maxOpenDevices: 10_000,
      /** How often the key boxes are counted by the master key that they need. */
      keyBoxSampleIntervalMs: 1 * MINUTE,
    },
    stamps: {
      /** How far ahead stamps of this node are claimed: so long it goes on without PostgreSQL. */
      aheadMs: 1 * HOUR,
      renewMs: 1 * MINUTE,
      /** Between two tries to get another number. */
      claimPauseMs: 0.5 * SECOND,
    },
    limits: parseLimits('LIMITS', env.LIMITS, report),
    /** Never logged: the URLs may hold passwords. */
    secrets: {
      /** Where user data lives, spread by the user's slot; undefined: an embedded PostgreSQL in `storage.dataDir`. */
      databaseUrls: parseUrls('DATABASE_URLS', env.DATABASE_URLS, ['postgres:', 'postgresql:'], report),
      /** The NATS servers that join the nodes; undefined: a node alone. */
      natsUrls: parseUrls('NATS_URL', env.NATS_URL, ['nats:', 'tls:'], report),
      /** Takes the text messages; undefined: codes are printed in the log. */
      smsUrl: parseUrl('SMS_SENDER', smsUrl, ['http:', 'https:'], report),
      /**
       * 32 bytes each, the same on every node. The first seals the keys of hosted devices and keys hashes, all open;
       * undefined: without an embedded PostgreSQL there are no hosted devices, and each start draws a key for its logs.
       */
      masterKeys: parseKeys('MASTER_KEY', env.MASTER_KEY, report),
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
