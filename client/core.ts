import type { AckFrame, ClientSignalFrame, ConnectedFrame, SendFrame } from '../proto/frames.ts'
import type { Arrival } from './arrival.ts'
import type { ClientOptions } from './client-options.ts'
import { clockWrong } from './clock-error.ts'
import { hasPassed } from './clock.ts'
import type { Session } from './connection.ts'
import type { Primitives } from './crypto/primitives/primitives.ts'
import type { DeviceState } from './device-state.ts'
import { ParleyError } from './errors.ts'
import type { ClientEvents } from './events.ts'
import { HistoryShelf } from './history-shelf.ts'
import { Ledger } from './ledger.ts'
import { forgetOldMarks } from './marks.ts'
import type { OutgoingMessage } from './message.ts'
import { defaultOutbox, Outbox } from './outbox.ts'
import { OwnAccount } from './own-account.ts'
import { Receiver } from './receiver.ts'
import { resendLost, type Restore } from './restored.ts'
import { HttpKeyServer } from './secrecy/http-key-server.ts'
import type { BlockedReason } from './secrecy/sealer.ts'
import { Secrecy } from './secrecy/secrecy.ts'
import type { Self } from './secrecy/self.ts'
import { forgetOldSent } from './secrecy/send-log.ts'
import { Sender } from './sender.ts'
import type { ServerClock } from './server-clock.ts'
import { Signals } from './signals.ts'
import type { Transaction } from './store.ts'

/** What the device's clock may be off before the user is told. */
const TOLD_ERROR_MS = 3600 * 1000
/** How often a clock that is wrong is looked at again. */
const LOOK_AGAIN_MS = 10_000
const TIDY_EVERY_MS = 7 * 24 * 3600 * 1000

export interface CoreParts {
  readonly options: ClientOptions
  readonly clock: ServerClock
  readonly random: () => number
  readonly device: DeviceState
  readonly self: Self
  readonly primitives: Primitives
}

/** The connection, as far as the core uses it. */
export interface CoreLink {
  isOnline(): boolean
  isCurrent(session: Session): boolean
  send(frame: SendFrame | AckFrame | ClientSignalFrame): void
  drop(reason: string): void
}

/** Emits an event of the client. */
export type Tell = <Name extends keyof ClientEvents>(name: Name, payload: ClientEvents[Name]) => void

/** What a client is made of beside its connection, put together: what it stores, encrypts, sends and receives. */
export class Core {
  readonly ledger: Ledger
  readonly secrecy: Secrecy
  readonly account: OwnAccount
  readonly sender: Sender
  readonly receiver: Receiver
  readonly signals: Signals
  readonly shelf: HistoryShelf
  readonly #tell: Tell
  readonly #clock: ServerClock
  readonly #device: DeviceState
  readonly #link: CoreLink
  #cancelLook: () => void = () => {}

  /** @param answered - the server has accepted an outgoing message, or never will */
  constructor(
    { options, clock, random, device, self, primitives }: CoreParts,
    link: CoreLink,
    told: Tell,
    answered: (message: OutgoingMessage) => void,
  ) {
    const ledger = new Ledger(options.store)
    // What is still under way when the client is closed ends as a failure, which concerns nobody.
    const tell: Tell = (name, payload) => (ledger.isClosed ? undefined : told(name, payload))
    this.ledger = ledger
    this.#tell = tell
    this.#clock = clock
    this.#device = device
    this.#link = link
    const { isOnline, isCurrent, send, drop } = link
    const token = (): string => device.record.token
    const arrived = (arrival: Arrival): void => this.#arrived(arrival)
    const server = options.keyServer ?? new HttpKeyServer(options.url, token)
    const shelf = new HistoryShelf(device, clock)
    this.shelf = shelf
    const policy = { acceptsIdentities: options.identityChanges !== 'ask', hosted: options.hosted ?? 'show' }
    this.secrecy = new Secrecy(
      { primitives, server, clock, ledger, device, self, shelf, policy, random },
      {
        arrived,
        resumed: (user) => this.sender.resume(user),
        identityChanged: (user, change) => tell('identity', { user, change }),
        devicesChanged: (user) => tell('devices', { user }),
        failed: (error) => tell('error', error),
      },
    )
    const { ownKeys, sealing, units, incoming } = this.secrecy
    this.account = new OwnAccount({ url: options.url, ledger, clock, secrecy: this.secrecy, token, arrived })
    const broken = (error: unknown): void => {
      // What was read from the store, and changed with what it did not take, is read again.
      const reload = async (transaction: Transaction): Promise<void> => {
        await this.secrecy.reload(transaction)
        await shelf.load(transaction)
      }
      ledger.record({ apply: reload, done: () => {}, failed: () => {} })
      tell('error', storeFailed(error))
    }
    const changed = (message: OutgoingMessage, isAnswered: boolean): void => {
      if (isAnswered) answered(message)
      tell('receipt', message)
    }
    const blocked = (user: number, reason: BlockedReason): void => tell('blocked', { user, reason })
    const mailboxFull = (user: number, full: boolean): void => tell('mailboxFull', { user, full })
    this.sender = new Sender(
      { ledger, device, clock, broken, self: ownKeys, isOnline, send, changed, blocked, mailboxFull },
      new Outbox(random, { ...defaultOutbox, ...options.outbox }),
      sealing,
      units,
    )
    this.receiver = new Receiver({ ledger, device, broken, incoming, shelf, isCurrent, send, arrived, drop })
    this.signals = new Signals({
      ledger,
      clock,
      isOnline,
      send,
      typing: (user, typing) => tell('typing', { user, typing }),
      signalled: (from, payload) => tell('signal', { from, payload }),
    })
  }

  /** A session is there. Its `serverTime` may be 0: not told. */
  connected({ serverTime, restoredAt, restoredTo }: ConnectedFrame): void {
    if (serverTime !== 0) this.#toldTime(serverTime)
    this.receiver.connected()
    if (restoredAt !== 0) this.#restored({ restoredAt, restoredTo })
    this.sender.connected()
    this.secrecy.connected()
    this.account.connected()
  }

  /** The server has gone back to an older state of itself: what it lost goes again. */
  #restored(restore: Restore): void {
    this.ledger.record({
      apply: (transaction) => resendLost(transaction, this.#device, restore),
      done: (entries) => {
        if (entries.length === 0) return
        this.#tell('restored', { restoredTo: restore.restoredTo, resent: entries.length })
        this.sender.add(entries)
      },
      failed: (error) => this.#tell('error', storeFailed(error)),
    })
  }

  /** Calls back when all that was delivered is stored, and opened where the server has what that needs. */
  caughtUp(done: () => void): void {
    this.ledger.record({
      apply: (transaction) => this.#tidy(transaction),
      done: () => this.secrecy.afterFetches(done),
      failed: () => {},
    })
  }

  close(): void {
    this.#cancelLook()
    this.sender.close()
    this.signals.close()
    this.secrecy.close()
    this.account.close()
  }

  #toldTime(serverTime: number): void {
    const clock = this.#clock
    clock.told(serverTime)
    if (Math.abs(clock.errorMs) > TOLD_ERROR_MS) this.#tell('error', clockWrong(clock.errorMs, clock.isRight))
    this.#cancelLook()
    if (!clock.isRight) this.#lookAgain()
  }

  /** What waits for a right clock goes on with a new connection. */
  #lookAgain(): void {
    this.#cancelLook = this.#clock.setTimer(() => {
      if (this.#clock.isRight) this.#link.drop('The clock of this device was set')
      else this.#lookAgain()
    }, LOOK_AGAIN_MS)
  }

  /**
   * Deletes what is old. Only now has everything been read that old keys were kept for, and is it known what time it is: a
   * wrong clock must not forget what came.
   */
  async #tidy(transaction: Transaction): Promise<void> {
    if (!this.#clock.isRight) return
    if (await this.secrecy.purge(transaction)) await this.shelf.forgetOld(transaction)
    const now = this.#clock.now()
    if (!hasPassed(this.#device.record.tidiedAt, TIDY_EVERY_MS, now)) return
    await forgetOldMarks(transaction, now)
    await forgetOldSent(transaction, now)
    this.#device.write(transaction, { tidiedAt: now })
  }

  #arrived(arrival: Arrival): void {
    const { messages, sent, changed, receipts, entries, unlisted, forked, decided, hints } = arrival
    const { archived, archiveEnded } = arrival
    const tell = this.#tell
    for (const message of messages) {
      this.signals.heardOf(message.chat)
      tell('message', message)
    }
    for (const message of sent) tell('sent', message)
    for (const message of changed) tell('changed', message)
    for (const message of receipts) tell('receipt', message)
    if (archived > 0 || archiveEnded) tell('history', { messages: archived, complete: archiveEnded })
    if (entries.length > 0) this.sender.add(entries)
    for (const user of forked) tell('identity', { user, change: 'forked' })
    for (const user of decided) {
      this.sender.resume(user)
      tell('devices', { user })
    }
    this.secrecy.wait(unlisted)
    for (const hint of hints) this.secrecy.heard(hint)
  }
}

function storeFailed(cause: unknown): ParleyError {
  return new ParleyError('STORE_FAILED', 'The store failed', { cause })
}
