import type { WireAddress } from '../proto/frames.ts'
import { keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/** A mailbox keeps an envelope for 30 days, so after this it cannot come again. */
const KEEP_MS = 35 * 24 * 3600 * 1000
const PAGE = 10_000
const MARK_BYTES = 16

/**
 * Marks that an envelope was stored, by its identity: sending device and client id. false: it was marked before, so what
 * comes is a repeat.
 */
export async function markNew(transaction: Transaction, from: WireAddress, id: string, now: number): Promise<boolean> {
  const key = keys.mark(from.user, from.device, id)
  if ((await transaction.get(key)) !== undefined) return false
  writeMark(transaction, key, now, 0)
  return true
}

/** Notes where in the history the message of a mark is. */
export function markPlace(transaction: Transaction, from: WireAddress, id: string, order: number, now: number): void {
  writeMark(transaction, keys.mark(from.user, from.device, id), now, order)
}

/** Where in the history a message is; undefined: it is in none. */
export async function findPlace(transaction: Transaction, from: WireAddress, id: string): Promise<number | undefined> {
  const mark = await transaction.get(keys.mark(from.user, from.device, id))
  if (mark?.length !== MARK_BYTES) return undefined
  return new DataView(mark.buffer, mark.byteOffset).getFloat64(8) || undefined
}

/** When, and the place in the history or 0: two doubles. */
function writeMark(transaction: Transaction, key: string, now: number, order: number): void {
  const mark = new Uint8Array(MARK_BYTES)
  const view = new DataView(mark.buffer)
  view.setFloat64(0, now)
  view.setFloat64(8, order)
  transaction.put(key, mark)
}

/** Forgets the marks of envelopes that cannot come again. */
export async function forgetOldMarks(transaction: Transaction, now: number): Promise<void> {
  let last: string | undefined
  for (;;) {
    const after = last === undefined ? {} : { after: last }
    const marks = await transaction.scan({ prefix: prefixes.mark, limit: PAGE, ...after })
    for (const { key, value } of marks) {
      const markedAt = value.length >= 8 ? new DataView(value.buffer, value.byteOffset).getFloat64(0) : 0
      if (now - markedAt > KEEP_MS) transaction.delete(key)
    }
    if (marks.length < PAGE) return
    last = marks.at(-1)?.key
  }
}
