import type { TemplatedApp } from 'uWebSockets.js'
import type { Config } from '../../config/config.ts'
import { CloseCode } from '../../proto/close-codes.ts'
import { ExpiryGuard } from '../actors/expiry-guard.ts'
import { MessageCore } from '../actors/message-core.ts'
import type { MailboxShard } from '../actors/message-core.ts'
import type { Clock } from '../shared/clock.ts'
import type { Events } from '../shared/events.ts'
import type { Address, UserId } from '../shared/ids.ts'
import { within } from '../shared/within.ts'
import { findRestore, type Restore } from '../storage/backup/find-restore.ts'
import type { Database } from '../storage/database.ts'
import { findDevices } from '../storage/devices.ts'
import { findExpired, surveyExpired } from '../storage/expired-rows.ts'
import { Journal } from '../storage/journal.ts'
import { LastSeen } from '../storage/last-seen.ts'
import { MailboxReader } from '../storage/mailbox-reader.ts'
import { measureMailboxes, mostRows } from '../storage/mailbox-measure.ts'
import { MailboxRooms } from '../storage/mailbox-rooms.ts'
import { MessageStamps } from '../storage/message-stamps.ts'
import { NodeNumber } from '../storage/node-number.ts'
import { PreKeys } from '../storage/pre-keys.ts'
import { PresenceRecords } from '../storage/privacy.ts'
import type { Shards } from '../storage/shards.ts'
import { parseToken } from '../storage/token.ts'
import type { TokenLookup } from '../storage/token-lookup.ts'
import { WakeNotices } from '../storage/wake-notices.ts'
import type { Bus } from '../transport/bus.ts'
import { addressPrefix } from '../shared/address-prefix.ts'
import type { ClientAddress } from '../transport/client-address.ts'
import type { ConnectionPlaces } from '../transport/connection-places.ts'
import { Gateway } from '../transport/gateway.ts'
import type { Health } from './health.ts'
import type { Limiters } from './limiters.ts'
import type { Lookups } from './lookups.ts'
import { Overload } from './overload.ts'

export interface MessagingParts {
  /** A name of this process that no other has, nor had before. */
  readonly nodeId: string
  readonly config: Config
  /** The time: PostgreSQL's. */
  readonly clock: Clock
  /** For spans. */
  readonly monotonic: Clock
  /** Whether all clocks that concern the node show one time. */
  readonly clocksAgree: () => boolean
  readonly events: Events
  readonly shards: Shards<Database>
  readonly tokens: TokenLookup
  readonly limiters: Limiters
  readonly lookups: Lookups
  readonly bus: Bus
  readonly clientAddress: ClientAddress
  readonly connections: ConnectionPlaces
}

/** Connections of the journal and of the readers of its rows, per database. */
const JOURNAL_CONNECTIONS = 1
const READER_CONNECTIONS = 2
const EXPIRY_PAGE_ROWS = 2_000
/** What a node that closes gives the database to take the last times at which users were seen. */
const LAST_SEEN_MS = 2_000
/** As much as a floor may lift them, and a little. */
const STAMPS_AHEAD_SECONDS = 10
/** What clients of a draining node are told to wait, before their own jitter. */
const RECONNECT_MS = 1_000

/** The message part of a node: journals, stamps, the actors between, and the gateway in front. */
export class Messaging {
  readonly core: MessageCore
  readonly gateway: Gateway
  readonly overload: Overload
  readonly expiry: ExpiryGuard
  readonly stamps: MessageStamps
  readonly #parts: MessagingParts
  readonly #journals: readonly Journal[]
  readonly #rooms: readonly MailboxRooms[]
  readonly #nodeNumber: NodeNumber
  readonly #lastSeen: LastSeen
  /** In the order of the shards; none for a node alone. */
  readonly #notices: readonly WakeNotices[]
  readonly #opened: AsyncDisposableStack

  private constructor(
    parts: MessagingParts,
    nodeNumber: NodeNumber,
    restores: readonly Restore[],
    opened: AsyncDisposableStack,
  ) {
    const { nodeId, config, clock, monotonic, events, shards, tokens, limiters, bus } = parts
    this.#parts = parts
    this.#nodeNumber = nodeNumber
    this.#opened = opened
    this.stamps = new MessageStamps(clock, nodeNumber)
    this.expiry = new ExpiryGuard(config.expiry, events, monotonic, parts.clocksAgree)
    const mailboxes = shards.all.map((database, index) => openShard(database, index, restores[index]!, parts, opened))
    this.#journals = mailboxes.map(({ journal }) => journal)
    this.#rooms = mailboxes.map(({ rooms }) => rooms)
    // Of the claim, which no other node has, nor had before.
    const { number, from } = nodeNumber.claim
    const prefix = `${number.toString(36)}-${from.toString(36)}`
    let sessions = 0
    const records = new PresenceRecords(shards, config.storage, events)
    const lastSeen = new LastSeen(shards, config.presence, events)
    this.#lastSeen = lastSeen
    this.overload = new Overload({
      settings: config.overload,
      journals: this.#journals,
      bufferBytes: config.journal.bufferBytes,
      events,
      shardOf: (user) => shards.homeOf(user),
    })
    this.core = new MessageCore({
      nodeId,
      settings: {
        ...config.mailbox,
        ...config.sender,
        ...config.presence,
        ...config.gateway,
        expirySweepRows: config.expiry.sweepRows,
      },
      clock,
      monotonic,
      expiry: this.expiry,
      bus,
      stamps: this.stamps,
      events,
      gate: this.overload,
      lookups: parts.lookups,
      shards: mailboxes,
      shardOf: (user) => mailboxes[shards.homeOf(user)]!,
      limiter: (name) => limiters.of(name),
      bytesOfAddress: (address) => limiters.ofAddress('bytesInPerAddress', address),
      presence: {
        find: (owner, other) => records.find(owner, other),
        noteSeen: (user, at) => lastSeen.note(user, at),
        peekSeen: (user) => lastSeen.peek(user),
      },
      findDevices: async (user) => (await shards.run(user, (database) => findDevices(database, user))) ?? [],
      authenticate: async (token, number) => {
        const address = parseToken(token)
        if (address !== undefined) this.overload.requireSession(address.user)
        const answer = await tokens.connect(token, number)
        if (answer.outcome === 'ok' && answer.keysLow) void this.#tellKeysLow(answer.address)
        return answer
      },
      wakeWithoutBus: (to) => this.#notices[shards.homeOf(to.user)]?.send(to),
      newSessionId: () => `${prefix}-${(++sessions).toString(36)}`,
      newClientId: () => crypto.randomUUID(),
    })
    this.#notices =
      config.secrets.natsUrls === undefined ? [] : shards.all.map((database) => this.#openNotices(database))
    shards.onChange(() => this.core.closeMoved())
    bus.onReconnect(() => void shards.refresh())
    const { connections } = parts
    this.gateway = new Gateway({
      ...config.gateway,
      path: '/v1/ws',
      events,
      clientAddress: parts.clientAddress,
      connections: {
        upgraded: (address) => connections.upgraded(addressPrefix(address)),
        turnedAway: (address) => connections.turnedAway(addressPrefix(address)),
        socketClosed: (address) => connections.socketClosed(addressPrefix(address)),
      },
      admit: (address) => {
        const refusal = this.overload.refuseConnection()
        if (refusal !== undefined) return { ok: false, overloaded: true, ...refusal }
        const crowd = connections.admit(addressPrefix(address))
        if (crowd !== undefined) return { ok: false, overloaded: crowd === 'all', retryAfterMs: RECONNECT_MS }
        return limiters.takeAddress('connectPerAddress', address)
      },
      onConnection: (connection) => this.core.open(connection),
    })
  }

  /** A device that has few pre-keys left here hears of it each time it connects. */
  async #tellKeysLow(address: Address): Promise<void> {
    try {
      const { oneTime, kemOneTime } = await new PreKeys(this.#parts.shards).count(address)
      this.core.hints.send(address, { keysLow: { opk: oneTime, pqOpk: kemOneTime } })
    } catch (error) {
      this.#parts.events.taskFailed('telling a device of its pre-keys', error)
    }
  }

  #openNotices(database: Database): WakeNotices {
    const { core } = this
    const listener = { noticed: core.wake.bind(core), noticedMany: () => void core.poll() }
    const notices = new WakeNotices(database, listener, this.#parts.events)
    this.#opened.defer(() => notices.close())
    return notices
  }

  /** Claims a node number and opens all parts; {@link serve} makes them work. */
  static async open(parts: MessagingParts): Promise<Messaging> {
    const { config, events, shards, monotonic } = parts
    const opened = new AsyncDisposableStack()
    const options = { ...config.stamps, node: config.node.name }
    const nodeNumber = await NodeNumber.claim(shards.all[0]!.pool, options, events, monotonic)
    const restores = await Promise.all(shards.all.map(({ pool }) => findRestore(pool)))
    return new Messaging(parts, nodeNumber, restores, opened)
  }

  serve(app: TemplatedApp): void {
    this.gateway.serve(app)
    this.core.start()
    this.overload.start()
    for (const notices of this.#notices) notices.start()
  }

  /** Mailboxes that had no room for somebody in the last minute. */
  get fullMailboxes(): number {
    return this.#rooms.reduce((sum, { full }) => sum + full, 0)
  }

  /** Whether what is sent now can be stored. */
  async checkJournals(): Promise<Health> {
    const haveRoom = await Promise.all(this.#journals.map((journal) => journal.hasRoom()))
    if (haveRoom.includes(false)) {
      return { state: 'failed', reason: 'PostgreSQL has no room for messages: make some on its disk' }
    }
    const away = this.#journals.some((journal) => journal.awaySince !== undefined)
    return away ? { state: 'degraded', reason: 'PostgreSQL takes no messages' } : { state: 'ok' }
  }

  /** PostgreSQL's clock was set; `was`: what the node's time was before. */
  clockStepped(was: number): void {
    this.expiry.clockStepped()
    this.stamps.clockStepped(was)
  }

  /** Whether what is sent now gets a stamp. */
  checkStamps(): Health {
    const { stamps } = this
    if (!stamps.canStamp) {
      const reason = 'the node number has run out: sends are refused until PostgreSQL gives another'
      return { state: 'failed', reason }
    }
    const seconds = Math.round(stamps.aheadMs / 1_000)
    return seconds <= STAMPS_AHEAD_SECONDS
      ? { state: 'ok' }
      : { state: 'degraded', reason: `stamps are ${seconds} s ahead of the clock, which stepped back` }
  }

  /** Whether what has expired is ended. */
  checkExpiry(): Health {
    const { reason } = this.expiry
    return reason === undefined ? { state: 'ok' } : { state: 'degraded', reason: `nothing expires: ${reason}` }
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
    const seen = drained.then(() => this.#lastSeen.flush())
    // Without PostgreSQL the rest can not be stored; nothing of it was accepted.
    await within(seen, node.drainTimeoutMs)
  }

  async close(): Promise<void> {
    this.overload.stop()
    this.gateway.close()
    this.core.close()
    await within(this.#lastSeen.close(), LAST_SEEN_MS)
    await this.#nodeNumber.release(this.stamps.last).catch((error: unknown) => {
      this.#parts.events.taskFailed('giving back the node number', error)
    })
    await this.#opened.disposeAsync()
  }
}

function openShard(
  database: Database,
  index: number,
  restore: Restore,
  { config, monotonic, events, shards }: MessagingParts,
  opened: AsyncDisposableStack,
): MailboxShard {
  const journalPool = database.createJournalPool(JOURNAL_CONNECTIONS)
  const readerPool = database.createJournalPool(READER_CONNECTIONS)
  // A large mailbox takes long to measure: no device waits behind it.
  const measurePool = database.createJournalPool(1)
  opened.defer(async () => {
    await Promise.all([journalPool.end(), readerPool.end(), measurePool.end()])
  })
  const serves = (user: UserId) => shards.serves(index, user)
  const place = { holds: (user: UserId) => shards.holds(index, user), refresh: () => shards.refresh(index) }
  const journal = new Journal(journalPool, config.journal, monotonic, events, place)
  const reader = new MailboxReader(readerPool, events, serves)
  const rooms = new MailboxRooms({
    limits: config.room,
    clock: monotonic,
    measure: (queries) => measureMailboxes(measurePool, queries, mostRows(config.room)),
    onFailure: events.measureFailed,
  })
  opened.defer(() => {
    journal.close()
    reader.close()
    rooms.close()
  })
  return {
    journal,
    reader,
    restore,
    rooms,
    findExpired: async (after) => {
      const { expired, next } = await findExpired(readerPool, after, EXPIRY_PAGE_ROWS)
      // Rows of mailboxes that come, go or have gone are seen where they are served.
      return { expired: expired.filter(({ to }) => serves(to.user)), next }
    },
    // By the ordinary connections: theirs may read a table as it lies.
    surveyExpired: () => surveyExpired(database.pool),
  }
}
