import { Kind } from '../../proto/frames.ts'
import type { WireAddress } from '../../proto/frames.ts'
import { decodeContent } from '../content.ts'
import type { OutboxEntry } from '../outbox-entry.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from '../records.ts'
import type { Transaction } from '../store.ts'

/** A message waits for its device for 30 days at most, and may turn out to be unreadable only then. */
const KEEP_MS = 35 * 24 * 3600 * 1000
const MAX_TRIES = 5
const SCAN_LIMIT = 100_000

interface Sent {
  /** Of the message; what goes again goes under another one. */
  readonly id: string
  readonly to: number
  readonly devices: readonly (readonly [device: number, registrationId: number])[]
  /** The account key that it went to; undefined: written by a version that did not note it. */
  readonly account?: string
  readonly at: number
}

/** A message that was sent before. */
export interface SentBefore {
  readonly id: string
  readonly content: Uint8Array
  readonly account: string | undefined
}

/**
 * Remembers a message that was encrypted, the first time or again, for a device that cannot read it. Only age ends that:
 * no receipt says that it was read.
 *
 * @param account - of the recipient
 */
export function writeSent(transaction: Transaction, entry: OutboxEntry, account: string, now: number): void {
  const { body } = decodeContent(entry.content)
  if (entry.kind !== Kind.MESSAGE && body.type !== 'resend') return
  const content = body.type === 'resend' ? body.content : entry.content
  const { id } = decodeContent(content)
  const devices = entry.copies.map(({ device, registrationId }) => [device, registrationId] as const)
  const sent: Sent = { id, to: entry.to, devices, account, at: now }
  transaction.put(keys.sendLog(entry.id), encodeRecord(sent, content))
}

/**
 * What was sent to the device, as it is installed now, under this client id; undefined: nothing that is remembered. What
 * went to other devices of the user, or to the one before it, it must not have; nor what went to another account key,
 * since whoever has the new one may choose the number of the registration.
 */
export async function findSent(
  transaction: Transaction,
  id: string,
  { user, device }: WireAddress,
  registrationId: number,
  account: string,
): Promise<SentBefore | undefined> {
  const record = decodeRecord<Sent>(await transaction.get(keys.sendLog(id)))
  if (record?.json.to !== user) return undefined
  const had = record.json.devices.some(([one, registration]) => one === device && registration === registrationId)
  if (!had || (record.json.account !== undefined && record.json.account !== account)) return undefined
  return { id: record.json.id, content: record.raw, account: record.json.account }
}

/** All that was first sent at or after this time of the device's clock, in the order in which it was sent. */
export async function scanSent(
  transaction: Transaction,
  since: number,
): Promise<(SentBefore & { readonly to: number })[]> {
  const found = await transaction.scan({ prefix: prefixes.sendLog, limit: SCAN_LIMIT })
  return found
    .flatMap(({ key, value }) => {
      const record = decodeRecord<Sent>(value)
      // What went again under another id stands under its own, too.
      if (record === undefined || record.json.at < since || key !== keys.sendLog(record.json.id)) return []
      const { id, to, at, account } = record.json
      return [{ id, to, at, account, content: record.raw }]
    })
    .sort((a, b) => a.at - b.at)
}

interface Retry {
  readonly tries: number
  /** The time that the last request names. */
  readonly askedAt: number
  readonly at: number
}

/**
 * Counts that a device asked for it again; false: too often, or it is no later request than the last one.
 *
 * @param askedAt - the time that the request names
 */
export async function countRetry(
  transaction: Transaction,
  id: string,
  { user, device }: WireAddress,
  askedAt: number,
  now: number,
): Promise<boolean> {
  const key = keys.retries(id, user, device)
  const last = decodeRecord<Retry>(await transaction.get(key))?.json
  if (last !== undefined && (last.tries >= MAX_TRIES || askedAt <= last.askedAt)) return false
  transaction.put(key, encodeRecord({ tries: (last?.tries ?? 0) + 1, askedAt, at: now } satisfies Retry))
  return true
}

/** Forgets what nobody can ask for any more. */
export async function forgetOldSent(transaction: Transaction, now: number): Promise<void> {
  for (const prefix of [prefixes.sendLog, prefixes.retries]) {
    for (const { key, value } of await transaction.scan({ prefix, limit: SCAN_LIMIT })) {
      const at = decodeRecord<{ at: number }>(value)?.json.at ?? 0
      if (now - at > KEEP_MS) transaction.delete(key)
    }
  }
}
