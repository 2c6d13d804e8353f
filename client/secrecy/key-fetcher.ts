import { equal } from '../crypto/bytes.ts'
import { decodeLink } from '../crypto/devices/accept-lists.ts'
import { verifyBundle } from '../crypto/devices/bundle.ts'
import type { PreKeyBundle } from '../crypto/devices/bundle.ts'
import { CryptoError } from '../crypto/errors.ts'
import { decodeKemPreKey, decodeOneTimePreKey, decodeSignedPreKey, KemKind } from '../crypto/wire/pre-keys.ts'
import { startSession } from '../crypto/sessions/send.ts'
import { newClientId } from '../client-id.ts'
import { notByThisClock } from '../clock-error.ts'
import { RefusedError } from '../errors.ts'
import type { Transaction } from '../store.ts'
import type { TakenKeys } from './key-server.ts'
import { learnPeer, readPeer, readPin, writePeer } from './peer.ts'
import type { Learned, Peer } from './peer.ts'
import type { Secrets } from './secrets.ts'
import { deleteSessions, ownDevice, readSessions, writeSessions } from './sessions.ts'

/** What is told of what the server said. */
export interface KeyFetcherListener {
  /** A user's device list was taken: newer than before, or the same. */
  learned(learned: Learned): void
  /** Two device lists of one epoch: nothing is sent to the user any more. */
  forked(user: number): void
}

/** Asks the server for device lists and keys, and takes what the signatures bear. */
export class KeyFetcher {
  readonly #secrets: Secrets
  readonly #listener: KeyFetcherListener
  readonly #asking = new Map<number, Promise<void>>()

  constructor(secrets: Secrets, listener: KeyFetcherListener) {
    this.#secrets = secrets
    this.#listener = listener
  }

  /**
   * Takes the newest device list of a user. Who asks at the same time shares one answer.
   *
   * @throws {RefusedError} UNKNOWN_USER, NO_KEYS, UNREACHABLE …
   * @throws {CryptoError} when the signatures do not bear it
   */
  fetchList(user: number): Promise<void> {
    const asked = this.#asking.get(user)
    if (asked !== undefined) return asked
    const asking = this.#fetchList(user).finally(() => this.#asking.delete(user))
    this.#asking.set(user, asking)
    return asking
  }

  /** The device lists that are being fetched. */
  get fetches(): readonly Promise<void>[] {
    return [...this.#asking.values()]
  }

  async #fetchList(user: number): Promise<void> {
    const { server, inStore, clock } = this.#secrets
    if (!clock.isRight) throw notByThisClock()
    const known = await inStore((transaction) => readPeer(transaction, user))
    const listed = await server.lists(user, known?.list.epoch ?? 0).catch((error: unknown) => {
      throw known !== undefined && isKeyless(error) ? comingBack() : error
    })
    const learned = await inStore(async (transaction) => {
      try {
        return await this.#learn(transaction, user, listed)
      } catch (error) {
        // Thrown to the asker, not into the transactions that share this one.
        if (error instanceof CryptoError) return error
        throw error
      }
    })
    if (learned instanceof CryptoError) {
      if (learned.code === 'DEVICE_LIST_FORK') this.#listener.forked(user)
      throw learned
    }
    if (learned === undefined) throw new RefusedError('NO_KEYS', 'The user has no keys', false)
    this.#listener.learned(learned)
  }

  async #learn(
    transaction: Transaction,
    user: number,
    listed: Parameters<typeof learnPeer>[3],
  ): Promise<Learned | undefined> {
    const { primitives, policy, clock, self } = this.#secrets
    const known = await readPeer(transaction, user)
    // Nobody but a registration of this device changes the key of its account: whoever else could would read all that is
    // told to the user's other devices.
    const { address, accountKey } = self.current
    if (user === address.user) requireAccountKey(listed.lists, accountKey)
    try {
      const pin = await readPin(transaction, user)
      const learned = await learnPeer(primitives, user, known, listed, policy.acceptsIdentities, clock.now(), pin)
      if (learned === undefined) return undefined
      writePeer(transaction, learned.peer)
      for (const device of learned.gone) deleteSessions(transaction, { user, device })
      return learned
    } catch (error) {
      if (error instanceof CryptoError && error.code === 'DEVICE_LIST_FORK' && known !== undefined)
        writePeer(transaction, { ...known, facts: { ...known.facts, forked: true } })
      throw error
    }
  }

  /**
   * Takes keys of these devices, and starts a session with each.
   *
   * @returns those that have no keys: listed, and not yet installed
   * @throws {RefusedError} NO_KEYS, RATE_LIMITED, UNREACHABLE …
   * @throws {CryptoError} when the signatures do not bear them
   */
  async fetchSessions(user: number, devices: readonly number[]): Promise<readonly number[]> {
    const { server, inStore, clock } = this.#secrets
    if (!clock.isRight) throw notByThisClock()
    const taken = await server.take(user, devices, newClientId())
    const failure = await inStore((transaction) => this.#start(transaction, user, devices, taken))
    if (failure !== undefined) throw failure
    return devices.filter((device) => !taken.some((one) => one.device === device))
  }

  /** Returns why one of them could not be started; the others were. */
  async #start(
    transaction: Transaction,
    user: number,
    devices: readonly number[],
    taken: readonly TakenKeys[],
  ): Promise<CryptoError | undefined> {
    const { self } = this.#secrets
    let peer = await readPeer(transaction, user)
    if (peer === undefined) return new CryptoError('STALE_DEVICE_LIST', 'The list is not known')
    const own = await ownDevice(transaction, self.current)
    let failure: CryptoError | undefined
    for (const keys of taken) {
      if (!devices.includes(keys.device)) continue
      try {
        peer = await this.#startOne(transaction, own, peer, keys)
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error
        failure ??= error
      }
    }
    writePeer(transaction, peer)
    return failure
  }

  async #startOne(
    transaction: Transaction,
    own: Awaited<ReturnType<typeof ownDevice>>,
    peer: Peer,
    taken: TakenKeys,
  ): Promise<Peer> {
    const { primitives, clock } = this.#secrets
    const address = { user: peer.user, device: taken.device }
    const seen = peer.facts.seen[taken.device]
    const now = clock.now()
    const bundle = await verifyBundle(primitives, own.identity, address, peer.list, toBundle(taken), seen, now)
    const record = startSession(primitives, await readSessions(transaction, address), own, bundle, now)
    writeSessions(transaction, address, record)
    const { createdMs, suite } = bundle.signedPreKey
    return { ...peer, facts: { ...peer.facts, seen: { ...peer.facts.seen, [taken.device]: { createdMs, suite } } } }
  }
}

function isKeyless(error: unknown): boolean {
  return error instanceof RefusedError && error.code === 'NO_KEYS'
}

/** Somebody who had keys is restoring their account, and has some again soon. */
function comingBack(): RefusedError {
  return new RefusedError('NO_KEYS', 'The user has no keys for now', true)
}

/** @throws {CryptoError} IDENTITY_CHANGED */
function requireAccountKey(lists: readonly Uint8Array[], accountKey: Uint8Array): void {
  if (lists.every((bytes) => equal(decodeLink(bytes).list.accountKey, accountKey))) return
  throw new CryptoError('IDENTITY_CHANGED', 'A device list of this account under another key')
}

function toBundle({ certificate, signedPreKey, oneTimePreKey, kemPreKey, kemOneTime }: TakenKeys): PreKeyBundle {
  return {
    cert: certificate,
    signedPreKey: decodeSignedPreKey(signedPreKey),
    kemPreKey: decodeKemPreKey(kemPreKey),
    kemKind: kemOneTime ? KemKind.ONE_TIME : KemKind.LAST_RESORT,
    ...(oneTimePreKey === undefined ? {} : { oneTimePreKey: decodeOneTimePreKey(oneTimePreKey) }),
  }
}
