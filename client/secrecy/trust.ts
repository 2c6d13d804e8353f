import { orderAt } from '../chat-order.ts'
import { fingerprint, matchesSafetyQr, safetyNumber, safetyQr } from '../crypto/devices/safety-number.ts'
import type { Fingerprint } from '../crypto/devices/safety-number.ts'
import { hex } from '../crypto/bytes.ts'
import { ParleyError } from '../errors.ts'
import { Arrival } from '../arrival.ts'
import type { Transaction } from '../store.ts'
import { deletePin, hasOtherDevices, isHosted, readPeer, writePeer } from './peer.ts'
import type { Peer, PeerFacts } from './peer.ts'
import type { Secrets } from './secrets.ts'
import { acceptedSync, comparedSync } from './trust-sync.ts'
import type { Units } from './units.ts'

/** What is known of the keys of a user. */
export interface KnownKeys {
  readonly user: number
  /** 60 digits, the same on both sides: whoever compares them knows that nobody is between. */
  readonly safetyNumber: string
  /** The same for a QR code: see {@link Trust.check}. */
  readonly safetyCode: Uint8Array
  /** The user said that they compared it. A changed account key ends that. */
  readonly verified: boolean
  /** They had, before this user's account key changed and the number with it: to be compared again. */
  readonly comparedBefore: boolean
  /** The account key changed, and nothing is sent before that is accepted. */
  readonly changed: boolean
  /** Messages of the chat with a lower `order` are older than the last change; undefined: none is known. */
  readonly changedAfter: number | undefined
  /** Two device lists of one time were seen: somebody is between, or the peer has a fault. Nothing is sent. */
  readonly forked: boolean
  /** The operator of a server can read what this user gets and sends. */
  readonly hosted: boolean
  readonly devices: readonly { readonly device: number; readonly hosted: boolean; readonly addedAt: number }[]
}

export interface TrustParts {
  readonly units: Units
  /** Takes the newest device list of a user. */
  fetch(user: number): Promise<void>
  /** What waited for the user's decision goes on. */
  resumed(user: number): void
  /** What goes out because of a decision. */
  arrived(arrival: Arrival): void
}

/** Fingerprints that are kept: they take some tens of milliseconds each. */
const MAX_KEPT = 1_000

/** What the user decides about the keys of others. */
export class Trust {
  readonly #secrets: Secrets
  readonly #parts: TrustParts
  readonly #fingerprints = new Map<string, Fingerprint>()

  constructor(secrets: Secrets, parts: TrustParts) {
    this.#secrets = secrets
    this.#parts = parts
  }

  /** undefined: nothing was encrypted for this user or read from them yet. */
  async of(user: number): Promise<KnownKeys | undefined> {
    const peer = await this.#secrets.inStore((transaction) => readPeer(transaction, user))
    if (peer === undefined) return undefined
    const { own, theirs } = this.#fingerprintsOf(peer)
    const { verified, accepted, forked, changedAt, comparedBefore = false } = peer.facts
    const devices = [...peer.devices].map(([device, { cert }]) => ({
      device,
      hosted: cert.hosted,
      addedAt: cert.createdMs,
    }))
    return {
      user,
      safetyNumber: safetyNumber(own, theirs),
      safetyCode: safetyQr(own, theirs),
      verified,
      comparedBefore,
      changed: !accepted,
      changedAfter: changedAt === undefined ? undefined : orderAt(changedAt),
      forked,
      hosted: isHosted(peer),
      devices,
    }
  }

  /** The same, asking the server where nothing is known. @throws {RefusedError} UNKNOWN_USER, NO_KEYS, UNREACHABLE … */
  async ask(user: number): Promise<KnownKeys> {
    const known = await this.of(user)
    if (known !== undefined) return known
    await this.#parts.fetch(user)
    const learned = await this.of(user)
    if (learned === undefined) throw unknownUser()
    return learned
  }

  /**
   * Compares what was scanned from the other screen with what it should show; if it is the same, the user is verified.
   *
   * @throws {ParleyError} MALFORMED, UNKNOWN_VERSION when it is no such code; UNKNOWN_USER
   */
  async check(user: number, scanned: Uint8Array): Promise<boolean> {
    const peer = await this.#secrets.inStore((transaction) => readPeer(transaction, user))
    if (peer === undefined) throw unknownUser()
    const { own, theirs } = this.#fingerprintsOf(peer)
    const isSame = matchesSafetyQr(own, theirs, scanned)
    if (isSame) await this.#note(user, peer, { verified: true, comparedBefore: false })
    return isSame
  }

  /** Notes that the user compared the digits, or that this counts no more. @throws {ParleyError} UNKNOWN_USER */
  async setVerified(user: number, verified: boolean): Promise<void> {
    await this.#note(user, undefined, { verified, comparedBefore: false })
  }

  /** Takes the present keys of a user for theirs, after a change: what waited is sent. @throws {ParleyError} UNKNOWN_USER */
  async accept(user: number): Promise<void> {
    await this.#note(user, undefined, { accepted: true, forked: false })
    this.#parts.resumed(user)
  }

  /** Sends to this user although the operator of a server can read it: what waited is sent. @throws {ParleyError} UNKNOWN_USER */
  async acceptHosted(user: number): Promise<void> {
    await this.#note(user, undefined, { hostedAccepted: true })
    this.#parts.resumed(user)
  }

  /** @param seen - the keys that the user looked at: others are not noted as verified */
  async #note(user: number, seen: Peer | undefined, facts: Partial<PeerFacts>): Promise<void> {
    const arrival = await this.#secrets.inStore(async (transaction) => {
      const peer = await readPeer(transaction, user)
      if (peer === undefined) return undefined
      if (seen !== undefined && hex(seen.list.accountKey) !== hex(peer.list.accountKey)) return undefined
      const noted = { ...peer, facts: { ...peer.facts, ...facts } }
      writePeer(transaction, noted)
      // What a backup or another device said of an earlier key counts no more.
      deletePin(transaction, user)
      return this.#tell(transaction, noted, facts)
    })
    if (arrival === undefined) throw unknownUser()
    this.#parts.arrived(arrival)
  }

  /** Tells the user's other devices what was decided. */
  async #tell(transaction: Transaction, peer: Peer, decided: Partial<PeerFacts>): Promise<Arrival> {
    const arrival = new Arrival()
    const { user } = this.#secrets.self.current.address
    if (!hasOtherDevices(await readPeer(transaction, user))) return arrival
    const { units } = this.#parts
    if (decided.verified !== undefined) units.sendToAll(transaction, user, comparedSync(peer), arrival)
    if (decided.accepted === true) units.sendToAll(transaction, user, acceptedSync(peer), arrival)
    return arrival
  }

  #fingerprintsOf(peer: Peer): { own: Fingerprint; theirs: Fingerprint } {
    const { address, accountKey } = this.#secrets.self.current
    return {
      own: this.#fingerprintOf(address.user, accountKey),
      theirs: this.#fingerprintOf(peer.user, peer.list.accountKey),
    }
  }

  #fingerprintOf(user: number, accountKey: Uint8Array): Fingerprint {
    const key = `${user} ${hex(accountKey)}`
    let found = this.#fingerprints.get(key)
    if (found === undefined) {
      if (this.#fingerprints.size >= MAX_KEPT) this.#fingerprints.clear()
      found = fingerprint(user, accountKey)
      this.#fingerprints.set(key, found)
    }
    return found
  }
}

function unknownUser(): ParleyError {
  return new ParleyError('UNKNOWN_USER', 'Nothing is known of the keys of this user yet')
}
