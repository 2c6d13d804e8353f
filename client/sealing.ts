import { notByThisClock } from './clock-error.ts'
import { CryptoError } from './crypto/errors.ts'
import { RefusedError } from './errors.ts'
import type { OutboxEntry } from './outbox-entry.ts'
import { encodeOutboxEntry, keys } from './records.ts'
import type { KeyFetcher } from './secrecy/key-fetcher.ts'
import type { BlockedReason, Sealed, Sealer } from './secrecy/sealer.ts'
import type { Secrets } from './secrecy/secrets.ts'
import type { Transaction } from './store.ts'

/** What became of entries of one conversation. Those that are in none of the lists stay as they were. */
export interface SealedBatch {
  readonly sealed: readonly OutboxEntry[]
  /** There is nobody left to send them to. */
  readonly nobody: readonly OutboxEntry[]
  /** Why the rest is not encrypted yet, or never will be. */
  readonly rest?: SealingStop
}

export type SealingStop =
  | { readonly type: 'later'; readonly retryAfterMs: number }
  /** Until the user decides. */
  | { readonly type: 'blocked'; readonly code: BlockedReason }
  | { readonly type: 'failed'; readonly code: string }

/** Each round asks the server for something; a server that never lets an end come is asked again later. */
const MAX_ROUNDS = 6

type Need = Exclude<Sealed, { type: 'sealed' } | { type: 'nobody' }>

/** Encrypts what waits, and fetches what that needs. */
export class Sealing {
  readonly #secrets: Secrets
  readonly #sealer: Sealer
  readonly #fetcher: KeyFetcher
  /** Users whose list is older than the server's. */
  readonly #outdated = new Set<number>()
  /** Sessions that are being followed by new ones. */
  readonly #renewing = new Set<string>()

  constructor(secrets: Secrets, sealer: Sealer, fetcher: KeyFetcher) {
    this.#secrets = secrets
    this.#sealer = sealer
    this.#fetcher = fetcher
  }

  /** The server knows other devices of the user: its list is fetched before anything else is encrypted. */
  outdated(user: number): void {
    this.#outdated.add(user)
  }

  /** Encrypts the entry if nothing is missing, and writes it either way. */
  async tryNow(transaction: Transaction, entry: OutboxEntry): Promise<OutboxEntry> {
    const mustWait = this.#outdated.has(entry.to) || !this.#secrets.clock.isRight
    const sealed = mustWait ? undefined : await this.#sealer.seal(transaction, entry)
    const done = sealed?.type === 'sealed' ? sealed.entry : entry
    if (sealed?.type === 'sealed') this.#renew(entry.to, sealed.renew)
    transaction.put(keys.outbox(entry.order), encodeOutboxEntry(done))
    return done
  }

  /** Encrypts entries to one user, in their order. */
  async seal(to: number, entries: readonly OutboxEntry[]): Promise<SealedBatch> {
    const sealed: OutboxEntry[] = []
    const nobody: OutboxEntry[] = []
    let left = entries
    let isFresh = false
    try {
      if (!this.#secrets.clock.isRight) throw notByThisClock()
      for (let round = 0; round < MAX_ROUNDS; round++) {
        if (this.#outdated.delete(to)) await this.#refreshList(to)
        const batch = left
        const done = await this.#secrets.inStore((transaction) => this.#sealAll(transaction, batch))
        sealed.push(...done.sealed)
        nobody.push(...done.nobody)
        left = left.slice(done.sealed.length + done.nobody.length)
        const { need } = done
        if (need === undefined) return { sealed, nobody }
        if (need.type === 'blocked') return { sealed, nobody, rest: need }
        if (need.type === 'refused') return { sealed, nobody, rest: { type: 'failed', code: need.code } }
        const fetched = await this.#fetch(to, need, left)
        if (!(fetched instanceof CryptoError)) left = fetched
        // The newest list does not vouch for the keys either.
        else if (isFresh) throw fetched
        else {
          isFresh = true
          await this.#fetcher.fetchList(to)
        }
      }
      return { sealed, nobody, rest: { type: 'later', retryAfterMs: 0 } }
    } catch (error) {
      return { sealed, nobody, rest: stopOf(error) }
    }
  }

  /** As many as can be, from the first on. */
  async #sealAll(
    transaction: Transaction,
    entries: readonly OutboxEntry[],
  ): Promise<{ sealed: OutboxEntry[]; nobody: OutboxEntry[]; need?: Need }> {
    const sealed: OutboxEntry[] = []
    const nobody: OutboxEntry[] = []
    for (const entry of entries) {
      const one = await this.#sealer.seal(transaction, entry)
      if (one.type === 'nobody') nobody.push(entry)
      else if (one.type !== 'sealed') return { sealed, nobody, need: one }
      else {
        sealed.push(one.entry)
        transaction.put(keys.outbox(entry.order), encodeOutboxEntry(one.entry))
        this.#renew(entry.to, one.renew)
      }
    }
    return { sealed, nobody }
  }

  /** Returns why the keys that were taken do not fit the list that is known: there may be a newer one. */
  async #fetch(
    to: number,
    need: Extract<Need, { type: 'needs' }>,
    left: readonly OutboxEntry[],
  ): Promise<readonly OutboxEntry[] | CryptoError> {
    if (need.list) {
      await this.#fetcher.fetchList(to)
      return left
    }
    try {
      const keyless = await this.#fetcher.fetchSessions(to, need.devices)
      if (keyless.length === 0) return left
      return left.map((entry) => ({ ...entry, except: [...(entry.except ?? []), ...keyless] }))
    } catch (error) {
      if (error instanceof CryptoError) return error
      throw error
    }
  }

  async #refreshList(user: number): Promise<void> {
    try {
      await this.#fetcher.fetchList(user)
    } catch (error) {
      this.#outdated.add(user)
      throw error
    }
  }

  /** A session that has served its time goes on until the next one is there. */
  #renew(user: number, devices: readonly number[]): void {
    const due = devices.filter((device) => !this.#renewing.has(`${user}.${device}`))
    if (due.length === 0) return
    for (const device of due) this.#renewing.add(`${user}.${device}`)
    const finish = (): void => {
      for (const device of due) this.#renewing.delete(`${user}.${device}`)
    }
    this.#fetcher.fetchSessions(user, due).then(finish, finish)
  }
}

function stopOf(error: unknown): SealingStop {
  if (error instanceof RefusedError) {
    const { code, temporary, retryAfterMs } = error
    // A device that is logged out has not been told no: what waits goes when it is back.
    const mayPass = temporary || code === 'UNAUTHENTICATED'
    return mayPass ? { type: 'later', retryAfterMs } : { type: 'failed', code }
  }
  if (!(error instanceof CryptoError)) return { type: 'later', retryAfterMs: 0 }
  // The server may have been asked in the middle of a change.
  if (error.code === 'STALE_DEVICE_LIST' || error.code === 'IDENTITY_CHANGED') return { type: 'later', retryAfterMs: 0 }
  return error.code === 'DEVICE_LIST_FORK'
    ? { type: 'blocked', code: error.code }
    : { type: 'failed', code: error.code }
}
