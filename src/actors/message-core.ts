import nact from 'nact'
import { CloseCode } from '../../proto/close-codes.ts'
import type { Bus } from '../transport/bus.ts'
import type { Connection, ConnectionHandler } from '../transport/connection.ts'
import type { Clock } from '../shared/clock.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, UserId } from '../shared/ids.ts'
import type { RateBucket, RateLimiter } from '../shared/rate-limit.ts'
import { Room } from '../shared/room.ts'
import type { ConnectAnswer } from '../storage/devices.ts'
import type { Journal } from '../storage/journal.ts'
import { FIRST_ROW } from '../storage/expired-rows.ts'
import type { Restore } from '../storage/backup/find-restore.ts'
import type { ExpiredPage, RowKey } from '../storage/expired-rows.ts'
import { Expiry } from './expiry.ts'
import type { ExpiryGuard, ExpirySurvey } from './expiry-guard.ts'
import type { MailboxReader } from '../storage/mailbox-reader.ts'
import type { MailboxRooms } from '../storage/mailbox-rooms.ts'
import type { MailboxCheck, MailboxPage } from '../storage/mailbox-rows.ts'
import type { MessageStamps } from '../storage/message-stamps.ts'
import { DeliveryReceipts } from './delivery-receipts.ts'
import { Directory } from './directory.ts'
import type { DeviceList } from './directory.ts'
import type { HostedMailbox } from './hosted-device.ts'
import { Hints } from './hints.ts'
import { HostedMailboxes } from './hosted-mailboxes.ts'
import type { IntakeLimit, IntakeSettings } from './intake.ts'
import type { MailboxActor, MailboxEvents, MailboxSettings } from './mailbox-actor.ts'
import { Poller } from './poller.ts'
import { Presence } from './presence.ts'
import type { PresenceSettings } from './presence.ts'
import type { PresenceStore } from './presence-finder.ts'
import { Receipts } from './receipts.ts'
import { Residents } from './residents.ts'
import { Returns } from './returns.ts'
import type { ExpiredRows } from './returns.ts'
import { Router } from './router.ts'
import type { LookupGate, SenderEvents, SenderHost, SenderSettings, SendGate } from './sender.ts'
import { Session } from './session.ts'
import type { SessionEvents, SessionHost } from './session.ts'
import { Signals } from './signals.ts'
import { TakeOver } from './take-over.ts'

export interface CoreSettings extends MailboxSettings, SenderSettings, PresenceSettings, IntakeSettings {
  readonly earlyBytesInAll: number
  readonly offlinePathMs: number
  readonly takeOverTimeoutMs: number
  readonly pollIntervalMs: number
  readonly deafPollIntervalMs: number
  readonly expirySweepIntervalMs: number
  readonly expirySweepRows: number
  readonly directoryUsers: number
}

export interface CoreEvents extends SessionEvents, SenderEvents, MailboxEvents {
  actorCrashed(error: unknown): void
  expirySwept(ended: number): void
  taskFailed(task: string, error: unknown): void
}

/** Of a mailbox that is read over HTTP, at a time. */
const PAGE_BYTES = 8 * 1024 * 1024

/** The mailboxes of one database. */
export interface MailboxShard {
  readonly journal: Journal
  readonly reader: MailboxReader
  readonly restore: Restore
  readonly rooms: MailboxRooms
  findExpired(after: RowKey): Promise<ExpiredPage>
  surveyExpired(): Promise<ExpirySurvey>
}

export interface CoreParts {
  /** A name of this process that no other has, nor had before. */
  readonly nodeId: string
  readonly settings: CoreSettings
  /** The time: PostgreSQL's. */
  readonly clock: Clock
  /** For spans. */
  readonly monotonic: Clock
  readonly expiry: ExpiryGuard
  readonly bus: Bus
  readonly stamps: MessageStamps
  readonly events: CoreEvents
  readonly gate: SendGate
  readonly lookups: LookupGate
  readonly shards: readonly MailboxShard[]
  limiter(name: IntakeLimit | 'sendBytes' | 'receiptBytes'): RateLimiter<string | number>
  /** What the connections of a network address may send together, by the prefixes that it lies in. */
  bytesOfAddress(address: string): readonly RateBucket[]
  shardOf(user: UserId): MailboxShard
  readonly presence: PresenceStore
  findDevices(user: UserId): Promise<DeviceList>
  /** Wakes whoever holds the mailbox while the bus is away. */
  wakeWithoutBus(to: Address): void
  authenticate(token: string, number: number): Promise<ConnectAnswer>
  newSessionId(): string
  newClientId(): string
}

/** All that moves messages on a node, put together: sessions in front, mailbox actors behind, routes between. */
export class MessageCore {
  readonly directory: Directory
  readonly residents = new Residents()
  readonly hosted: HostedMailbox
  readonly returns: Returns
  readonly hints: Hints
  readonly presence: Presence
  readonly #parts: CoreParts
  readonly #system = nact.start()
  readonly #sessions = new Set<Session>()
  readonly #host: SessionHost
  readonly #deliveryReceipts: DeliveryReceipts
  readonly #poller: Poller
  readonly #takeOver: TakeOver
  /** Where the next sweep of each database begins. */
  readonly #sweptTo: RowKey[]
  #sweeper: NodeJS.Timeout | undefined

  constructor(parts: CoreParts) {
    this.#parts = parts
    this.#sweptTo = parts.shards.map(() => FIRST_ROW)
    const expiry = new Expiry(parts.clock, parts.expiry)
    const { settings, clock, bus, stamps, events, gate, lookups } = parts
    const journalOf = ({ user }: Address) => parts.shardOf(user).journal
    this.directory = new Directory(parts.findDevices, { maxUsers: settings.directoryUsers })
    const { offlinePathMs } = settings
    const { wakeWithoutBus } = parts
    const whyNoRoom = (envelope: Envelope) => parts.shardOf(envelope.to.user).rooms.whyNoRoom(envelope)
    const routerOptions = { offlinePathMs, wakeWithoutBus, whyNoRoom }
    const router = new Router(this.residents, bus, journalOf, parts.monotonic, routerOptions)
    const receipts = new Receipts(this.directory, router, stamps, settings.retentionMs)
    const { newClientId } = parts
    this.hints = new Hints({
      directory: this.directory,
      router,
      stamps,
      newClientId,
      retentionMs: settings.retentionMs,
    })
    const senders: SenderHost = {
      router,
      receipts,
      directory: this.directory,
      stamps,
      clock,
      gate,
      lookups,
      events,
      receiptBytes: parts.limiter('receiptBytes'),
      sendBytes: parts.limiter('sendBytes'),
      settings,
    }
    this.presence = new Presence(parts.nodeId, bus, clock, parts.presence, settings)
    const takeOver = new TakeOver(this.residents, bus, this.presence, {
      timeoutMs: settings.takeOverTimeoutMs,
      recheck: (actor) => this.#poller.poll([actor]),
    })
    this.#takeOver = takeOver
    this.#deliveryReceipts = new DeliveryReceipts(receipts)
    const readMailbox = (to: Address, limit: number) => this.#readMailbox(to, limit)
    this.returns = new Returns({
      receipts,
      journalOf,
      readMailbox: async (to, limit) => (await readMailbox(to, limit)).rows,
    })
    this.hosted = new HostedMailboxes({
      senders,
      receipts,
      returns: this.returns,
      expiry,
      journalOf,
      readMailbox,
      newClientId: parts.newClientId,
    })
    this.#poller = new Poller(this.residents, {
      intervalMs: settings.pollIntervalMs,
      deafIntervalMs: settings.deafPollIntervalMs,
      hearsWakes: () => bus.connected,
      // Nor do changes of device lists.
      onDeaf: () => this.directory.clear(),
      check: (mailboxes) => this.#check(mailboxes),
      onFailure: (error) => events.taskFailed('polling the mailboxes', error),
    })
    this.#host = {
      sessions: this.#sessions,
      senders,
      takeOver,
      events,
      presence: this.presence,
      signals: new Signals(this.residents, bus, this.directory),
      intakes: {
        settings,
        earlyRoom: new Room(settings.earlyBytesInAll),
        limiter: parts.limiter,
        bytesOfAddress: parts.bytesOfAddress,
        rateLimited: (limit) => events.rateLimited(limit),
      },
      authenticate: parts.authenticate,
      restoreOf: (user) => parts.shardOf(user).restore,
      newSessionId: parts.newSessionId,
      mailboxes: {
        settings,
        clock,
        expiry,
        events,
        system: this.#system,
        journalOf,
        whyNoRoom,
        read: (actor, query) => parts.shardOf(actor.address.user).reader.read({ ...query, to: actor.address }, actor),
        sendReceipts: (actor, items) => this.#deliveryReceipts.send(actor, items),
        leave: (actor) => takeOver.end(actor),
        wake: (address) => router.wake(address),
        crashed: (_actor, error) => events.actorCrashed(error),
      },
    }
    bus.onReconnect(() => void this.poll())
  }

  start(): void {
    this.#poller.start()
    this.presence.start()
    const sweep = () => void this.sweepExpired()
    this.#sweeper = setInterval(sweep, this.#parts.settings.expirySweepIntervalMs)
    this.#sweeper.unref()
  }

  /** Handles a new connection. */
  open(connection: Connection): ConnectionHandler {
    return new Session(connection, this.#host)
  }

  /** Ends the session of a device that is gone, on whatever node. */
  endRemoved(address: Address): Promise<void> {
    return this.#takeOver.endRemoved(address)
  }

  /** Ends the sessions of devices whose mailboxes move to another database: they come back to the new one. */
  closeMoved(): void {
    for (const session of this.#sessions) session.endIfMoved(CloseCode.DRAINING)
  }

  /** These mailboxes may have new rows; those of other nodes are none of this one's. */
  wake(mailboxes: readonly Address[]): void {
    for (const address of mailboxes) {
      const actor = this.residents.find(address)
      if (actor?.routable === true) actor.wake()
    }
  }

  /** Re-checks the rows of all mailboxes now. */
  poll(): Promise<void> {
    return this.#recheck(this.residents)
  }

  /** Re-checks the rows of the user's mailboxes here, and whether their devices still are what they were. */
  recheck(user: UserId): Promise<void> {
    return this.#recheck(this.residents.findAll(user))
  }

  async #recheck(actors: Iterable<MailboxActor>): Promise<void> {
    try {
      await this.#poller.poll(actors)
    } catch (error) {
      this.#parts.events.taskFailed('polling the mailboxes', error)
    }
  }

  /** Ends what has expired in mailboxes that nobody fetches: no more at a time than it may, and nothing without a survey. */
  async sweepExpired(): Promise<number> {
    const { settings } = this.#parts
    let ended = 0
    for (const [place, shard] of this.#parts.shards.entries()) {
      try {
        const from = this.#sweptTo[place]!
        const done = await this.returns.sweep(this.#expiredRows(place, shard), from, settings.expirySweepRows)
        this.#sweptTo[place] = done.next ?? FIRST_ROW
        ended += done.ended
        this.#parts.events.expirySwept(done.ended)
      } catch (error) {
        this.#parts.events.taskFailed('looking for expired envelopes', error)
      }
    }
    return ended
  }

  #expiredRows(place: number, shard: MailboxShard): ExpiredRows {
    const { expiry } = this.#parts
    return {
      survey: async () => {
        const survey = await shard.surveyExpired()
        expiry.judge(place, survey)
        return survey.expired
      },
      find: (after) => shard.findExpired(after),
      mayEnd: () => expiry.open,
    }
  }

  /** Sends the sessions away, some at a time; resolves when all are closed and all that was taken is stored. */
  async drain(options: {
    batch: number
    intervalMs: number
    code: CloseCode
    reconnectAfterMs: number
  }): Promise<void> {
    this.#poller.stop()
    clearInterval(this.#sweeper)
    const sessions = [...this.#sessions]
    for (let i = 0; i < sessions.length; i += options.batch) {
      const batch = sessions.slice(i, i + options.batch)
      for (const session of batch) session.goAway(options.reconnectAfterMs)
      await new Promise((resolve) => {
        setTimeout(resolve, options.intervalMs)
      })
      for (const session of batch) session.end(options.code)
    }
    this.presence.stop()
    await Promise.all(this.#parts.shards.map(({ journal }) => journal.settled()))
  }

  close(): void {
    this.#poller.stop()
    clearInterval(this.#sweeper)
    this.presence.stop()
    this.#deliveryReceipts.stop()
    nact.stop(this.#system)
  }

  async #check(mailboxes: readonly Address[]): Promise<readonly (MailboxCheck | undefined)[]> {
    const checks = new Map<Address, MailboxCheck | undefined>()
    const byShard = Map.groupBy(mailboxes, ({ user }) => this.#parts.shardOf(user))
    for (const [shard, group] of byShard) {
      const answers = await shard.reader.check(group)
      for (const [i, address] of group.entries()) checks.set(address, answers[i])
    }
    return mailboxes.map((address) => checks.get(address))
  }

  #readMailbox(to: Address, limit: number): Promise<MailboxPage> {
    return this.#parts.shardOf(to.user).reader.readNow({ to, limit, bytes: PAGE_BYTES, exclude: [], first: false })
  }
}
