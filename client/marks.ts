import type { WireEnvelope } from '../proto/frames.ts'
import { keys, prefixes } from './records.ts'
import type { Transaction } from './store.ts'

/** A mailbox keeps an envelope for 30 days, so after this it cannot come again. */
const KEEP_MS = 35 * 24 * 3600 * 1000
const PAGE = 10_000

/**
 * Marks that an envelope was stored, by its identity: sending device and client id. false: it was marked before, so what
 * comes is a repeat.
 */
export async function markNew(transaction: Transaction, { from, id }: WireEnvelope, now: number): Promise<boolean> {
  const key = keys.mark(from.user, from.device, id)
  if ((await transaction.get(key)) !== undefined) return false
  const mark = new Uint8Array(8)
  new DataView(mark.buffer).setFloat64(0, now)
  transaction.put(key, mark)
  return true
}

/** Forgets the marks of envelopes that cannot come again. */
export async function forgetOldMarks(transaction: Transaction, now: number): Promise<void> {
  let last: string | undefined
  for (;;) {
    const after = last === undefined ? {} : { after: last }
    const marks = await transaction.scan({ prefix: prefixes.mark, limit: PAGE, ...after })
    for (const { key, value } of marks) {
      const markedAt = value.length === 8 ? new DataView(value.buffer, value.byteOffset).getFloat64(0) : 0
      if (now - markedAt > KEEP_MS) transaction.delete(key)
    }
    if (marks.length < PAGE) return
    last = marks.at(-1)?.key
  }
}
