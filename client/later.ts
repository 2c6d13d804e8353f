import type { WireAddress, WireEnvelope } from '../proto/frames.ts'
import type { Arrival } from './arrival.ts'
import type { DeviceState } from './device-state.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/** A server can hide a list for 30 days: what no list has vouched for after this never will be. */
const KEEP_MS = 35 * 24 * 3600 * 1000
/** More than this is not kept: what comes then is lost for this device, as its sender's list is. */
const MAX_KEPT = 10_000

type Stored = Omit<WireEnvelope, 'payload' | 'messageId'> & {
  readonly messageId: string
  /** When it came, ms since 1970. */
  readonly cameAt: number
}

/** Envelopes that can be opened only when their sender's device list is known: kept, in order, and acknowledged. */
export class Later {
  readonly #device: DeviceState
  /** How many wait of each device. */
  #waiting = new Map<string, number>()
  /** Devices whose envelopes still wait, in the present round. */
  #kept = new Set<string>()
  #size = 0

  constructor(device: DeviceState) {
    this.#device = device
  }

  /** Takes up what an earlier run left; returns whose lists are needed. */
  async load(transaction: Transaction): Promise<ReadonlySet<number>> {
    const users = new Set<number>()
    this.#waiting = new Map()
    this.#size = 0
    for (const { value } of await transaction.scan({ prefix: prefixes.later, limit: MAX_KEPT })) {
      const from = decodeRecord<Stored>(value)?.json.from
      if (from === undefined) continue
      users.add(from.user)
      this.#count(from, 1)
    }
    return users
  }

  /** Whether something of the device waits: then what comes after it must wait too. */
  has({ user, device }: WireAddress): boolean {
    return this.#waiting.has(`${user}.${device}`)
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  waitsFor(user: number): boolean {
    return [...this.#waiting.keys()].some((key) => key.startsWith(`${user}.`))
  }

  /** Gives up what has waited too long. */
  async forgetOld(transaction: Transaction, now: number): Promise<void> {
    for (const { key, value } of await transaction.scan({ prefix: prefixes.later, limit: MAX_KEPT })) {
      const stored = decodeRecord<Stored>(value)?.json
      if (stored !== undefined && now - stored.cameAt > KEEP_MS) this.delete(transaction, key, stored.from)
    }
  }

  put(transaction: Transaction, { payload, messageId, ...rest }: WireEnvelope, cameAt: number, arrival: Arrival): void {
    arrival.unlisted.add(rest.from.user)
    if (this.#size >= MAX_KEPT) return
    const order = this.#device.takeOrder()
    this.#device.write(transaction)
    const stored: Stored = { ...rest, messageId: String(messageId), cameAt }
    transaction.put(keys.later(order), encodeRecord(stored, payload))
    this.#count(rest.from, 1)
  }

  /** What waits of a user, oldest first. */
  async read(
    transaction: Transaction,
    user: number,
  ): Promise<readonly { readonly key: string; readonly envelope: WireEnvelope }[]> {
    this.#kept = new Set()
    const records = await transaction.scan({ prefix: prefixes.later, limit: MAX_KEPT })
    return records.flatMap(({ key, value }) => {
      const record = decodeRecord<Stored>(value)
      if (record?.json.from.user !== user) return []
      const envelope = { ...record.json, messageId: BigInt(record.json.messageId), payload: record.raw }
      return [{ key, envelope }]
    })
  }

  /** What waits of this device goes on waiting. */
  keep({ user, device }: WireAddress): void {
    this.#kept.add(`${user}.${device}`)
  }

  isKept({ user, device }: WireAddress): boolean {
    return this.#kept.has(`${user}.${device}`)
  }

  delete(transaction: Transaction, key: string, from: WireAddress): void {
    transaction.delete(key)
    this.#count(from, -1)
  }

  #count({ user, device }: WireAddress, change: number): void {
    const key = `${user}.${device}`
    const count = (this.#waiting.get(key) ?? 0) + change
    this.#size += change
    if (count > 0) this.#waiting.set(key, count)
    else {
      this.#waiting.delete(key)
      this.#kept.delete(key)
    }
  }
}
