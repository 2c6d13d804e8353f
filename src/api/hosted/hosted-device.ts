import type { Arrival } from '../../../client/arrival.ts'
import { DeviceState } from '../../../client/device-state.ts'
import { encodeContent } from '../../../client/content.ts'
import type { Primitives } from '../../../client/crypto/primitives/primitives.ts'
import { RefusedError } from '../../../client/errors.ts'
import { inLedger, Ledger } from '../../../client/ledger.ts'
import { forgetOldMarks } from '../../../client/marks.ts'
import type { OutboxEntry } from '../../../client/outbox-entry.ts'
import { decodeOutboxEntry, keys, prefixes } from '../../../client/records.ts'
import type { SealedBatch, SealingStop } from '../../../client/sealing.ts'
import type { KeyServer } from '../../../client/secrecy/key-server.ts'
import { Secrecy } from '../../../client/secrecy/secrecy.ts'
import { readSelf } from '../../../client/secrecy/self.ts'
import { forgetOldSent } from '../../../client/secrecy/send-log.ts'
import type { Transaction } from '../../../client/store.ts'
import type { Content } from '../../../proto/content.ts'
import { Kind } from '../../../proto/frames.ts'
import type { HostedAccepted, HostedMailbox } from '../../actors/hosted-device.ts'
import type { SendRefusal } from '../../actors/sender.ts'
import type { CheckedClock } from '../../../client/server-clock.ts'
import type { Envelope } from '../../shared/envelope.ts'
import type { Address, MessageId, UserId } from '../../shared/ids.ts'
import { RefusalError } from '../../shared/refusal.ts'
import type { Refusal } from '../../shared/refusal.ts'
import { errorCodes } from '../../../proto/error-codes.ts'
import type { ErrorCode } from '../../../proto/error-codes.ts'
import type { HostedStore } from './hosted-store.ts'
import { deleteInbox, forgetOldPlaces, InboxShelf, readInbox } from './inbox-shelf.ts'
import type { InboxMessage } from './inbox-shelf.ts'

export interface HostedDeviceParts {
  readonly address: Address
  readonly store: HostedStore
  readonly primitives: Primitives
  readonly server: KeyServer
  readonly mailbox: HostedMailbox
  readonly clock: CheckedClock
  readonly failed: (error: unknown) => void
}

/** Envelopes that one transaction takes on. */
const BATCH = 100
/** Transactions of one reading: no request waits for all of a mailbox that has filled for weeks. */
const MAX_BATCHES = 5
const DELETE_BATCH = 500
/** Refusals because of the recipient's devices, of one message. */
const MAX_CORRECTIONS = 3
/** Users whose device lists are asked for again, in one go: something of theirs waits for it. */
const MAX_LISTS = 100
const LOOK_EVERY_MS = 24 * 3600 * 1000
const DELETE_AFTER_MS = 1_000
const TIDY_EVERY_MS = 7 * 24 * 3600 * 1000
/** A device that only sends must be told now and then that something cannot be read, or that its keys run low. */
const RECEIVE_EVERY_MS = 60 * 1000

/**
 * One hosted device: the same engine as in the SDK, over a store that every node may use. Nothing that matters is kept
 * in memory from one transaction to the next, since another node may have written meanwhile.
 */
export class HostedDevice {
  readonly #parts: HostedDeviceParts
  readonly #ledger: Ledger
  readonly #device: DeviceState
  readonly #secrecy: Secrecy
  #receiving: Promise<void> | undefined
  /** Follows the one under way: requests that come meanwhile share it. */
  #nextReceiving: Promise<void> | undefined
  #receivedAt = -Infinity
  /** The last reading has left something in the mailbox. */
  #leftMore = false
  /** What the engine does unasked, and is waited for before the answer. */
  readonly #asides = new Set<Promise<void>>()
  /** Records that the next transaction will probably want. */
  readonly #expected = new Set<string>()
  /** Entries of the outbox that were answered, and are still in the store. */
  readonly #sent = new Set<number>()
  #cancelDeletion: () => void = () => {}
  /** The last encryption under way, by recipient. */
  readonly #sealing = new Map<number, Promise<void>>()

  private constructor(parts: HostedDeviceParts, device: DeviceState, secrecy: Secrecy, ledger: Ledger) {
    this.#parts = parts
    this.#device = device
    this.#secrecy = secrecy
    this.#ledger = ledger
  }

  /** @throws RefusalError HOSTED_LOCKED, UNAVAILABLE …; HostedDeviceGoneError */
  static async open(parts: HostedDeviceParts): Promise<HostedDevice> {
    const { store, primitives, server, clock } = parts
    const { device, self, left } = await store.transaction(async (transaction) => ({
      device: await DeviceState.read(transaction),
      self: await readSelf(transaction),
      left: await readOutbox(transaction),
    }))
    if (self === undefined)
      throw new RefusalError('UNAUTHENTICATED', 'The keys of this device are gone: register it again')
    const ledger = new Ledger({
      transaction: (work) => opened.#transact(work),
      close: () => store.close(),
    })
    const secrecy = new Secrecy(
      {
        primitives,
        server,
        clock,
        ledger,
        device,
        self,
        shelf: new InboxShelf(),
        policy: { acceptsIdentities: true, hosted: 'show' },
        random: Math.random,
      },
      {
        arrived: (arrival) => opened.#takeOn(arrival),
        resumed: () => {},
        identityChanged: () => {},
        devicesChanged: () => {},
        failed: (error) => parts.failed(error),
      },
    )
    const opened = new HostedDevice(parts, device, secrecy, ledger)
    opened.#sendAll(left)
    return opened
  }

  /** Encrypts a message and sends it. Resolves when it is accepted (✓), or with the reason why it is not. */
  async send(content: Content, to: UserId): Promise<HostedAccepted | Refusal> {
    const entry = await this.#store(content, to)
    const answer = await this.#deliver(entry)
    if (performance.now() - this.#receivedAt > RECEIVE_EVERY_MS) this.#aside(() => this.receive())
    await this.#settle()
    return answer
  }

  /** The oldest messages, after everything that waits has been taken in. */
  async read(limit: number): Promise<{ readonly messages: readonly InboxMessage[]; readonly more: boolean }> {
    for (;;) {
      await this.receive()
      await this.#settle()
      const messages = await this.#inStore((transaction) => readInbox(transaction, limit + 1))
      await this.#settle()
      // Receipts alone are no page.
      if (messages.length > 0 || !this.#leftMore)
        return { messages: messages.slice(0, limit), more: messages.length > limit || this.#leftMore }
    }
  }

  /** Deletes everything up to and including this message, and tells the senders that it was read if asked to. */
  async acknowledge(upTo: MessageId, read: boolean): Promise<number> {
    let count = 0
    for (;;) {
      // Before it is gone: a repeated receipt does no harm, and nobody would send a missing one.
      if (read) await this.#tellRead(upTo)
      const gone = await this.#inStore((transaction) => deleteInbox(transaction, upTo, DELETE_BATCH))
      count += gone
      if (gone < DELETE_BATCH) return count
    }
  }

  async #tellRead(upTo: MessageId): Promise<void> {
    const { mailbox, address } = this.#parts
    const messages = await this.#inStore((transaction) => readInbox(transaction, DELETE_BATCH, upTo))
    const seen = messages.filter(({ body }) => body.type !== 'undecrypted')
    for (const [user, theirs] of Map.groupBy(seen, (message) => message.user)) {
      const ids = theirs.map(({ id }) => id)
      await mailbox.tellRead(address, user as UserId, ids)
    }
  }

  /** Takes in what waits in the mailbox now, as far as one reading goes. */
  receive(): Promise<void> {
    if (this.#receiving === undefined) return this.#beginReceiving()
    // The one under way may have looked before the newest came.
    this.#nextReceiving ??= this.#receiving
      .catch(() => {})
      .then(() => {
        this.#nextReceiving = undefined
        return this.#beginReceiving()
      })
    return this.#nextReceiving
  }

  #beginReceiving(): Promise<void> {
    const receiving = this.#receive().finally(() => {
      this.#receiving = undefined
    })
    this.#receiving = receiving
    return receiving
  }

  /** What another node has written meanwhile counts. */
  #transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const [expected, sent] = [[...this.#expected], [...this.#sent]]
    this.#expected.clear()
    this.#cancelDeletion()
    this.#cancelDeletion = () => {}
    const result = this.#parts.store.transaction(
      async (transaction) => {
        await Promise.all([this.#device.reload(transaction), this.#secrecy.reload(transaction)])
        for (const order of sent) transaction.delete(keys.outbox(order))
        return work(transaction)
      },
      [keys.device, keys.self, ...expected],
    )
    return result.then((answer) => {
      for (const order of sent) this.#sent.delete(order)
      return answer
    })
  }

  async #receive(): Promise<void> {
    const { mailbox, address } = this.#parts
    this.#receivedAt = performance.now()
    this.#leftMore = true
    for (let batch = 0; batch < MAX_BATCHES && this.#leftMore; batch++) {
      const { envelopes, more } = await mailbox.read(address, BATCH)
      if (envelopes.length > 0) {
        for (const { from, id } of envelopes) {
          this.#expect(keys.mark(from.user, from.device, id), keys.peer(from.user))
          this.#expect(keys.session(from.user, from.device))
        }
        this.#expect(keys.peer(address.user))
        const arrivals = await this.#inStore((transaction) => this.#open(transaction, envelopes))
        for (const arrival of arrivals) this.#takeOn(arrival)
        // Only what is stored is acknowledged.
        await mailbox.acknowledge(address, envelopes)
      }
      this.#leftMore = more
    }
    if (this.#isTidyDue) await this.#inStore((transaction) => this.#tidy(transaction))
    for (const user of [...this.#secrecy.waiting].slice(0, MAX_LISTS)) this.#aside(() => this.#secrecy.waitFor(user))
  }

  async #open(transaction: Transaction, envelopes: readonly Envelope[]): Promise<readonly Arrival[]> {
    const arrivals: Arrival[] = []
    for (const envelope of envelopes) {
      const isForDevice = envelope.kind === Kind.MESSAGE || envelope.kind === Kind.DEVICE_EVENT
      if (isForDevice) arrivals.push(await this.#secrecy.incoming.store(transaction, envelope))
    }
    return arrivals
  }

  /** What came of envelopes: something to send, lists to fetch, hints. */
  #takeOn({ entries, unlisted, hints }: Arrival): void {
    this.#sendAll(entries)
    for (const user of unlisted) this.#aside(() => this.#secrecy.waitFor(user))
    for (const hint of hints) {
      if (hint.type === 'keysLow') this.#aside(() => this.#secrecy.ownKeys.renew())
      else this.#secrecy.heard(hint)
    }
  }

  get #isTidyDue(): boolean {
    const { tidiedAt, purgedAt } = this.#device.record
    return this.#parts.clock.now() - Math.min(tidiedAt, purgedAt) > LOOK_EVERY_MS
  }

  async #tidy(transaction: Transaction): Promise<void> {
    const now = this.#parts.clock.now()
    await this.#secrecy.purge(transaction)
    if (now - this.#device.record.tidiedAt < TIDY_EVERY_MS) return
    await forgetOldMarks(transaction, now)
    await forgetOldSent(transaction, now)
    await forgetOldPlaces(transaction, now)
    this.#device.write(transaction, { tidiedAt: now })
    if (this.#secrecy.ownKeys.isRotationDue) this.#aside(() => this.#secrecy.ownKeys.renew())
    this.#aside(async () => void (await this.#secrecy.ownKeys.checkList()))
    this.#sendAll(await readOutbox(transaction))
  }

  /** What the engine itself sends, and what a process that ended left behind: maybe once more, which does no harm. */
  #sendAll(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) this.#aside(() => this.#deliver(entry).then(() => {}))
  }

  async #store(content: Content, to: UserId): Promise<OutboxEntry> {
    // The first device of the recipient; what is needed of others is asked for when it is.
    this.#expect(keys.peer(to), keys.peer(this.#parts.address.user), keys.session(to, 1))
    return this.#inStore(async (transaction) => {
      const order = this.#device.takeOrder()
      this.#device.write(transaction)
      const base = { id: content.id, order, to, kind: Kind.MESSAGE, content: encodeContent(content), about: [] }
      return this.#secrecy.sealing.tryNow(transaction, { ...base, copies: [], sealed: false })
    })
  }

  /** Sends an entry of the outbox until it is accepted, or cannot be. Either way it is in the outbox no longer. */
  async #deliver(stored: OutboxEntry): Promise<HostedAccepted | Refusal> {
    const { mailbox, address } = this.#parts
    const { sealing } = this.#secrecy
    let entry = stored
    try {
      for (let round = 0; ; round++) {
        if (!entry.sealed) {
          const { sealed, nobody, rest } = await this.#seal(entry)
          if (rest !== undefined) return refusalOf(rest)
          if (nobody.length > 0) return { code: 'NO_KEYS', message: 'The recipient has no device that could get it' }
          entry = sealed[0] ?? entry
        }
        const { id, kind, copies } = entry
        const message = { id, to: entry.to as UserId, kind, copies, urgent: kind === Kind.MESSAGE }
        const answer = await mailbox.send(address, message)
        if (!('code' in answer)) return answer
        const devices = (answer as SendRefusal).details?.devices
        // What has no content was for the devices that there were.
        const isFixed = entry.content.length === 0
        if (answer.code !== 'DEVICES_CHANGED' || devices === undefined || isFixed || round >= MAX_CORRECTIONS)
          return answer
        sealing.outdated(entry.to)
        entry = { ...entry, sealed: false, except: [...(entry.except ?? []), ...devices.extra] }
      }
    } finally {
      this.#deleteSoon(entry.order)
    }
  }

  /** One after the other for each recipient: the first message may begin a session, on which the others go. */
  #seal(entry: OutboxEntry): Promise<SealedBatch> {
    const { to } = entry
    const sealed = (this.#sealing.get(to) ?? Promise.resolve()).then(() => this.#secrecy.sealing.seal(to, [entry]))
    const ended = sealed
      .catch(() => {})
      .then(() => {
        if (this.#sealing.get(to) === ended) this.#sealing.delete(to)
      })
    this.#sealing.set(to, ended)
    return sealed
  }

  /** With the next transaction. A process that ends before leaves it to be sent once more, which does no harm. */
  #deleteSoon(order: number): void {
    this.#sent.add(order)
    this.#cancelDeletion()
    this.#cancelDeletion = this.#parts.clock.setTimer(() => {
      this.#aside(() => this.#inStore(async () => {}))
    }, DELETE_AFTER_MS)
  }

  /** Entries that were answered leave the outbox now. */
  async close(): Promise<void> {
    this.#cancelDeletion()
    if (this.#sent.size > 0) await this.#inStore(async () => {})
    await this.#settle()
  }

  #expect(...wanted: readonly string[]): void {
    for (const key of wanted) this.#expected.add(key)
  }

  #inStore<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return inLedger(this.#ledger, work)
  }

  #aside(work: () => Promise<void>): void {
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        // Of somebody else: without keys, or gone.
        if (!(error instanceof RefusedError)) this.#parts.failed(error)
      })
      .finally(() => this.#asides.delete(running))
    this.#asides.add(running)
  }

  /** What the engine began unasked is done: no answer leaves half of it to luck. */
  async #settle(): Promise<void> {
    while (this.#asides.size > 0) await Promise.all(this.#asides)
  }
}

async function readOutbox(transaction: Transaction): Promise<readonly OutboxEntry[]> {
  const records = await transaction.scan({ prefix: prefixes.outbox, limit: BATCH })
  return records.flatMap(({ value }) => decodeOutboxEntry(value) ?? [])
}

function refusalOf(stop: SealingStop): Refusal {
  switch (stop.type) {
    case 'later':
      return {
        code: 'UNAVAILABLE',
        message: 'The keys of the recipient cannot be had now',
        retryAfterMs: stop.retryAfterMs || 1_000,
      }
    case 'blocked':
    case 'failed': {
      const code: ErrorCode = stop.code in errorCodes ? (stop.code as ErrorCode) : 'BAD_SIGNATURE'
      return { code, message: 'Nothing can be encrypted for the recipient' }
    }
    default:
      return stop satisfies never
  }
}
