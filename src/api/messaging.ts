import type { TemplatedApp } from 'uWebSockets.js'
import type { Config } from '../../config/config.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { MessageCore } from '../actors/message-core.ts'
import type { MailboxShard } from '../actors/message-core.ts'
import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import { within } from '../shared/within.ts'
import type { Database } from '../storage/database.ts'
import { findDevices } from '../storage/devices.ts'
import { findExpired } from '../storage/expired-rows.ts'
import { Journal } from '../storage/journal.ts'
import { MailboxReader } from '../storage/mailbox-reader.ts'
import { MessageStamps } from '../storage/message-stamps.ts'
import { NodeNumber } from '../storage/node-number.ts'
import type { Shards } from '../storage/shards.ts'
import type { TokenLookup } from '../storage/token-lookup.ts'
import type { Bus } from '../transport/bus.ts'
import { Gateway } from '../transport/gateway.ts'
import type { Health } from './health.ts'
import type { Limiters } from './limiters.ts'

export interface MessagingParts {
  readonly config: Config
  readonly clock: Clock
  readonly events: Events
  readonly shards: Shards<Database>
  readonly tokens: TokenLookup
  readonly limiters: Limiters
  readonly bus: Bus
}

/** Connections of the journal and of the readers of its rows, per database. */
const JOURNAL_CONNECTIONS = 1
const READER_CONNECTIONS = 2
const EXPIRY_PAGE_ROWS = 2_000
/** What clients of a draining node are told to wait, before their own jitter. */
const RECONNECT_MS = 1_000

/** The message part of a node: journals, stamps, the actors between, and the gateway in front. */
export class Messaging {
  readonly core: MessageCore
  readonly gateway: Gateway
  readonly #parts: MessagingParts
  readonly #journals: readonly Journal[]
  readonly #stamps: MessageStamps
  readonly #nodeNumber: NodeNumber
  readonly #opened: AsyncDisposableStack

  private constructor(parts: MessagingParts, nodeNumber: NodeNumber, opened: AsyncDisposableStack) {
    const { config, clock, events, shards, tokens, limiters, bus } = parts
    this.#parts = parts
    this.#nodeNumber = nodeNumber
    this.#opened = opened
    this.#stamps = new MessageStamps(clock, () => nodeNumber.claim)
    const mailboxes = shards.all.map((database) => openShard(database, parts, opened))
    this.#journals = mailboxes.map(({ journal }) => journal)
    const prefix = `${nodeNumber.claim.number.toString(36)}-${clock.now().toString(36)}`
    let sessions = 0
    this.core = new MessageCore({
      settings: { ...config.mailbox, ...config.sender },
      clock,
      bus,
      stamps: this.#stamps,
      events,
      shards: mailboxes,
      shardOf: (user) => mailboxes[shards.indexOf(user)]!,
      sendLimiter: limiters.of('send'),
      signalLimiter: limiters.of('signal'),
      findDevices: async (user) => (await findDevices(shards.of(user), user)) ?? [],
      authenticate: (token, number) => tokens.connect(token, number),
      newSessionId: () => `${prefix}-${(++sessions).toString(36)}`,
      newClientId: () => crypto.randomUUID(),
    })
    const connectLimiter = limiters.of('connectPerAddress')
    this.gateway = new Gateway({
      ...config.gateway,
      path: '/v1/ws',
      events,
      admit: (address) => connectLimiter.take(address),
      onConnection: (connection) => this.core.open(connection),
    })
  }

  /** Claims a node number and opens all parts; {@link serve} makes them work. */
  static async open(parts: MessagingParts): Promise<Messaging> {
    const { config, clock, events, shards } = parts
    const opened = new AsyncDisposableStack()
    const options = { ...config.stamps, node: config.node.name }
    const nodeNumber = await NodeNumber.claim(shards.all[0]!.pool, clock, options, events)
    return new Messaging(parts, nodeNumber, opened)
  }

  serve(app: TemplatedApp): void {
    this.gateway.serve(app)
    this.core.start()
  }

  /** Whether what is sent now can be stored. */
  checkJournals(): Health {
    const away = this.#journals.some((journal) => journal.awaySince !== undefined)
    return away ? { state: 'degraded', reason: 'PostgreSQL takes no messages' } : { state: 'ok' }
  }

  /** Sends all sessions away; resolves when everything that was taken is stored. */
  async drain(): Promise<void> {
    const { gateway, node } = this.#parts.config
    this.gateway.startDraining()
    const drained = this.core.drain({
      batch: gateway.goawayBatch,
      intervalMs: gateway.goawayIntervalMs,
      code: CloseCode.DRAINING,
      reconnectAfterMs: RECONNECT_MS,
    })
    // Without PostgreSQL the rest can not be stored; nothing of it was accepted.
    await within(drained, node.drainTimeoutMs)
  }

  async close(): Promise<void> {
    this.gateway.close()
    this.core.close()
    await this.#nodeNumber.release(this.#stamps.last).catch((error: unknown) => {
      this.#parts.events.taskFailed('giving back the node number', error)
    })
    await this.#opened.disposeAsync()
  }
}

function openShard(
  database: Database,
  { config, clock, events }: MessagingParts,
  opened: AsyncDisposableStack,
): MailboxShard {
  const journalPool = database.createJournalPool(JOURNAL_CONNECTIONS)
  const readerPool = database.createJournalPool(READER_CONNECTIONS)
  opened.defer(async () => {
    await Promise.all([journalPool.end(), readerPool.end()])
  })
  const journal = new Journal(journalPool, config.journal, clock, events)
  const reader = new MailboxReader(readerPool, events)
  opened.defer(() => {
    journal.close()
    reader.close()
  })
  return {
    journal,
    reader,
    findExpired: (after) => findExpired(readerPool, after, EXPIRY_PAGE_ROWS, clock.now()),
  }
}
