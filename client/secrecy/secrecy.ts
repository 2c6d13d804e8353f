import type { Arrival } from '../arrival.ts'
import type { DeviceState } from '../device-state.ts'
import { ParleyError, RefusedError } from '../errors.ts'
import { Incoming } from '../incoming.ts'
import { Later } from '../later.ts'
import { inLedger } from '../ledger.ts'
import type { Ledger } from '../ledger.ts'
import { Sealing } from '../sealing.ts'
import type { Shelf } from '../shelf.ts'
import type { Transaction } from '../store.ts'
import { hasPassed } from '../clock.ts'
import type { CheckedClock } from '../server-clock.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import type { Hint } from './hint.ts'
import type { KeyServer } from './key-server.ts'
import { KeyFetcher } from './key-fetcher.ts'
import { Opener } from './opener.ts'
import { OwnKeys } from './own-keys.ts'
import type { Learned } from './peer.ts'
import { purgePreKeys } from './pre-key-store.ts'
import { Retries } from './retries.ts'
import { Sealer } from './sealer.ts'
import type { Policy, Secrets } from './secrets.ts'
import type { Self } from './self.ts'
import { purgeSessions } from './sessions.ts'
import { Trust } from './trust.ts'
import { Units } from './units.ts'

const PURGE_EVERY_MS = 24 * 3600 * 1000
const MAX_RENEWAL_DELAY_MS = 10_000

export interface SecrecyParts {
  readonly primitives: Primitives
  readonly server: KeyServer
  readonly clock: CheckedClock
  readonly ledger: Ledger
  readonly device: DeviceState
  readonly self: Self
  readonly shelf: Shelf
  readonly policy: Policy
  readonly random: () => number
}

export interface SecrecyListener {
  arrived(arrival: Arrival): void
  /** What waited to be encrypted for the user may go on. */
  resumed(user: number): void
  identityChanged(user: number, change: 'changed' | 'forked'): void
  devicesChanged(user: number): void
  /** Something failed that nobody waits for; it is tried again with the next connection, hint or message. */
  failed(error: ParleyError): void
}

/** All that encrypts and decrypts for one device, put together. */
export class Secrecy {
  readonly secrets: Secrets
  readonly ownKeys: OwnKeys
  readonly units: Units
  readonly incoming: Incoming
  readonly sealing: Sealing
  readonly trust: Trust
  readonly #parts: SecrecyParts
  readonly #listener: SecrecyListener
  readonly #fetcher: KeyFetcher
  readonly #later: Later
  readonly #waiting = new Set<number>()
  #cancelRenewal: () => void = () => {}

  constructor(parts: SecrecyParts, listener: SecrecyListener) {
    const { primitives, server, clock, ledger, device, self, shelf, policy } = parts
    this.#parts = parts
    this.#listener = listener
    const inStore = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => inLedger(ledger, work)
    this.ownKeys = new OwnKeys({ primitives, server, clock, inStore }, self)
    this.secrets = { primitives, server, clock, self: this.ownKeys, policy, inStore }
    this.units = new Units(device, clock)
    this.trust = new Trust(this.secrets, {
      units: this.units,
      fetch: (user) => this.fetchList(user),
      resumed: (user) => listener.resumed(user),
      arrived: (arrival) => listener.arrived(arrival),
    })
    this.#fetcher = new KeyFetcher(this.secrets, {
      learned: (learned) => this.#learned(learned),
      forked: (user) => listener.identityChanged(user, 'forked'),
    })
    this.sealing = new Sealing(this.secrets, new Sealer(this.secrets), this.#fetcher)
    this.#later = new Later(device)
    this.incoming = new Incoming({
      secrets: this.secrets,
      opener: new Opener(this.secrets),
      retries: new Retries(this.secrets, this.units),
      units: this.units,
      later: this.#later,
      shelf,
    })
  }

  /** Takes up what an earlier run of the client left. */
  async load(transaction: Transaction): Promise<void> {
    for (const user of await this.#later.load(transaction)) this.#waiting.add(user)
  }

  /** Takes what another user of the store has written: where several share one, at the beginning of each transaction. */
  async reload(transaction: Transaction): Promise<void> {
    const [users] = await Promise.all([this.#later.load(transaction), this.ownKeys.reload(transaction)])
    for (const user of users) this.#waiting.add(user)
  }

  /** Users of whom something waits for their device list. */
  get waiting(): ReadonlySet<number> {
    return this.#waiting
  }

  /** Gives the server the keys that it does not have yet. A session is worth having if it does not take them, too. */
  publish(): Promise<void> {
    return this.#attempt(() => this.ownKeys.publish())
  }

  /** The server can be asked again. */
  connected(): void {
    for (const user of this.#waiting) this.fetch(user)
    if (this.ownKeys.isRotationDue) this.#renewKeys()
    this.#inBackground(async () => {
      if (await this.ownKeys.checkList()) await this.#fetcher.fetchList(this.ownKeys.current.address.user)
    })
  }

  /** Envelopes came whose senders' lists must be fetched first. */
  wait(users: Iterable<number>): void {
    for (const user of users) {
      this.#waiting.add(user)
      this.fetch(user)
    }
  }

  /** The same for one user; resolves when the list has come, and what waited for it is next to be opened. */
  async waitFor(user: number): Promise<void> {
    this.#waiting.add(user)
    await this.#fetcher.fetchList(user)
  }

  /** The server says something. */
  heard(hint: Hint): void {
    if (hint.type === 'keysLow') this.#renewKeys()
    else this.fetch(hint.user)
  }

  /** Fetches a user's device list; what waits for it is opened then. */
  fetch(user: number): void {
    this.#inBackground(() => this.#fetcher.fetchList(user))
  }

  /** Takes the newest device list of a user; rejects when that fails. */
  fetchList(user: number): Promise<void> {
    return this.#fetcher.fetchList(user)
  }

  /** Starts sessions with devices of a user; returns those that have no keys. */
  fetchSessions(user: number, devices: readonly number[]): Promise<readonly number[]> {
    return this.#fetcher.fetchSessions(user, devices)
  }

  /** Calls back when what waits for device lists that are being fetched was opened as far as it can be; maybe at once. */
  afterFetches(done: () => void): void {
    const { fetches } = this.#fetcher
    if (fetches.length === 0) return done()
    const after = (): void => this.#parts.ledger.record({ apply: async () => {}, done, failed: done })
    void Promise.allSettled(fetches).then(after)
  }

  /**
   * Deletes keys that are kept no longer. To be called when a session has caught up: until then they may be needed. What
   * waits for a device list may need them too. Returns whether it was time for it.
   */
  async purge(transaction: Transaction): Promise<boolean> {
    const { clock, device } = this.#parts
    const now = clock.now()
    if (!hasPassed(device.record.purgedAt, PURGE_EVERY_MS, now)) return false
    await this.#later.forgetOld(transaction, now)
    if (!this.#later.isEmpty) return false
    await purgeSessions(transaction, now)
    await purgePreKeys(transaction, now)
    device.write(transaction, { purgedAt: now })
    return true
  }

  close(): void {
    this.#cancelRenewal()
  }

  #learned({ peer, identityChanged, gone, added }: Learned): void {
    const { user } = peer
    if (identityChanged) this.#listener.identityChanged(user, 'changed')
    if (gone.length > 0 || added.length > 0) this.#listener.devicesChanged(user)
    this.#listener.resumed(user)
    if (!this.#waiting.delete(user)) return
    this.#parts.ledger.record({
      apply: (transaction) => this.incoming.storeLater(transaction, user),
      done: (arrival) => {
        // The next list may vouch for what this one does not.
        if (this.#later.waitsFor(user)) this.#waiting.add(user)
        this.#listener.arrived(arrival)
      },
      failed: () => this.#waiting.add(user),
    })
  }

  /** Not at once: the time of it would tell an onlooker that this device is there. */
  #renewKeys(): void {
    const { random, clock } = this.#parts
    this.#cancelRenewal()
    const afterMs = random() * MAX_RENEWAL_DELAY_MS
    this.#cancelRenewal = clock.setTimer(() => this.#inBackground(() => this.ownKeys.renew()), afterMs)
  }

  #inBackground(work: () => Promise<unknown>): void {
    void this.#attempt(work)
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof RefusedError && error.temporary) return
      if (error instanceof ParleyError) this.#listener.failed(error)
      else this.#listener.failed(new ParleyError('KEYS_FAILED', 'Keys could not be fetched', { cause: error }))
    }
  }
}
