import type { WireAddress } from '../../proto/frames.ts'
import type { Arrival } from '../arrival.ts'
import { idBytes, idText } from '../client-id.ts'
import { unlessRefused } from '../crypto/errors.ts'
import { closeUnreadable } from '../crypto/sessions/send.ts'
import { decodeRetryReceipt, encodeRetryReceipt, retryReceiptBody } from '../crypto/wire/retry-receipt.ts'
import type { RetryReceipt } from '../crypto/wire/retry-receipt.ts'
import type { Transaction } from '../store.ts'
import { accountOf, readPeer } from './peer.ts'
import type { Secrets } from './secrets.ts'
import { countRetry, findSent } from './send-log.ts'
import { readSessions, writeSessions } from './sessions.ts'
import type { Units } from './units.ts'

const RETRY_RECEIPT = 0x08
const LABEL = 'retry'
const MAX_AGE_MS = 35 * 24 * 3600 * 1000
const HOUR_MS = 3600 * 1000
const MAX_AN_HOUR = 20
/** Devices whose requests are counted, at most: the oldest makes room. */
const MAX_COUNTED = 10_000

export function isRetryReceipt(payload: Uint8Array): boolean {
  return payload[0] === 1 && payload[1] === RETRY_RECEIPT
}

/** Asks for messages that could not be read, and answers such requests of others. */
export class Retries {
  readonly #secrets: Secrets
  readonly #units: Units
  readonly #asked = new Map<string, { since: number; count: number }>()

  constructor(secrets: Secrets, units: Units) {
    this.#secrets = secrets
    this.#units = units
  }

  /** Asks the device that sent a message to send it again. The request looks the same whatever was wrong. */
  async ask(
    transaction: Transaction,
    asked: WireAddress,
    failedId: string,
    ratchetKey: Uint8Array,
    arrival: Arrival,
  ): Promise<void> {
    const { self, primitives, clock } = this.#secrets
    const { address, signing } = self.current
    const body = { group: false, failedId: idBytes(failedId), requester: address, asked, ratchetKey, ms: clock.now() }
    const signature = await primitives.sign(LABEL, retryReceiptBody(body), signing)
    const listed = (await readPeer(transaction, asked.user))?.list.devices
    // Another installation than the one that is known could not send it again.
    const registrationId = listed?.find(({ device }) => device === asked.device)?.registrationId ?? 0
    this.#units.sendBare(transaction, asked, registrationId, encodeRetryReceipt({ ...body, signature }), arrival)
  }

  /**
   * A device asks for a message again: it gets it on a new session, if it may. Requests that are old, foreign, not
   * signed, or too many change nothing.
   */
  async answer(transaction: Transaction, from: WireAddress, payload: Uint8Array, arrival: Arrival): Promise<void> {
    const { clock } = this.#secrets
    const verified = await this.#verify(transaction, from, payload)
    if (verified === undefined || !this.#isAllowed(from)) return
    const { receipt, registrationId, account } = verified
    const failedId = idText(receipt.failedId)
    const sent = await findSent(transaction, failedId, from, registrationId, account)
    if (!(await countRetry(transaction, sent?.id ?? failedId, from, receipt.ms, clock.now()))) return
    const record = await readSessions(transaction, from)
    const closed = closeUnreadable(record, receipt.ratchetKey)
    if (closed !== record) writeSessions(transaction, from, closed)
    const body = sent === undefined ? { type: 'null' as const } : { type: 'resend' as const, content: sent.content }
    this.#units.sendTo(transaction, from, body, arrival, account)
  }

  async #verify(
    transaction: Transaction,
    from: WireAddress,
    payload: Uint8Array,
  ): Promise<
    { readonly receipt: RetryReceipt; readonly registrationId: number; readonly account: string } | undefined
  > {
    const { primitives, self, clock } = this.#secrets
    const receipt = unlessRefused(() => decodeRetryReceipt(payload))
    if (receipt === undefined || receipt.group) return undefined
    if (!isSame(receipt.requester, from) || !isSame(receipt.asked, self.current.address)) return undefined
    if (Math.abs(clock.now() - receipt.ms) > MAX_AGE_MS) return undefined
    const peer = await readPeer(transaction, from.user)
    const cert = peer?.devices.get(from.device)?.cert
    if (peer === undefined || cert === undefined) return undefined
    const { identity, registrationId } = cert
    const isGood = await primitives.verify(LABEL, retryReceiptBody(receipt), receipt.signature, identity.signingKey)
    return isGood ? { receipt, registrationId, account: accountOf(peer) } : undefined
  }

  #isAllowed({ user, device }: WireAddress): boolean {
    const now = this.#secrets.clock.monotonic()
    const key = `${user}.${device}`
    const counted = this.#asked.get(key)
    if (counted !== undefined && now - counted.since < HOUR_MS) {
      counted.count += 1
      return counted.count <= MAX_AN_HOUR
    }
    this.#asked.set(key, { since: now, count: 1 })
    if (this.#asked.size > MAX_COUNTED) {
      const [oldest] = this.#asked.keys()
      if (oldest !== undefined) this.#asked.delete(oldest)
    }
    return true
  }
}

function isSame(a: WireAddress, b: WireAddress): boolean {
  return a.user === b.user && a.device === b.device
}
