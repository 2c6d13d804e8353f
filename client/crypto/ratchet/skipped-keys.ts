import { ByteReader, ByteWriter, concat, equal, KEY_BYTES } from '../bytes.ts'
import type { RatchetHead } from '../wire/ratchet-message.ts'
import { MAX_SKIPPED, SKIPPED_BYTES } from '../wire/session-state.ts'

/** How long the key of a message that does not come is kept: as long as a mailbox, in which it might still wait. */
const SKIPPED_TTL_MS = 30 * 24 * 3_600_000

const KEY_AT = KEY_BYTES + 4
const STORED_AT = KEY_AT + KEY_BYTES

/** The key of a message that has not come yet. */
export interface SkippedKey {
  readonly number: number
  readonly key: Uint8Array
}

/** Takes the key of the message out of the store. undefined: it has none. */
export function takeSkipped(
  skipped: Uint8Array,
  { ratchetKey, number }: RatchetHead,
): { key: Uint8Array; left: Uint8Array } | undefined {
  const view = new DataView(skipped.buffer, skipped.byteOffset, skipped.byteLength)
  for (let at = 0; at < skipped.length; at += SKIPPED_BYTES) {
    if (view.getUint32(at + KEY_BYTES) !== number) continue
    if (!equal(skipped.subarray(at, at + KEY_BYTES), ratchetKey)) continue
    const left = concat(skipped.subarray(0, at), skipped.subarray(at + SKIPPED_BYTES))
    return { key: skipped.slice(at + KEY_AT, at + STORED_AT), left }
  }
  return undefined
}

export function hasSkippedOf(skipped: Uint8Array, ratchetKey: Uint8Array): boolean {
  for (let at = 0; at < skipped.length; at += SKIPPED_BYTES) {
    if (equal(skipped.subarray(at, at + KEY_BYTES), ratchetKey)) return true
  }
  return false
}

/** With the keys of one chain behind; beyond {@link MAX_SKIPPED} the oldest go. */
export function addSkipped(
  skipped: Uint8Array,
  ratchetKey: Uint8Array,
  keys: readonly SkippedKey[],
  nowMs: number,
): Uint8Array {
  const fitting = keys.slice(-MAX_SKIPPED)
  if (fitting.length === 0) return skipped
  const writer = new ByteWriter(fitting.length * SKIPPED_BYTES)
  for (const { number, key } of fitting) writer.put(ratchetKey).u32(number).put(key).u64(nowMs)
  const all = concat(skipped, writer.finish())
  return all.slice(Math.max(0, all.length - MAX_SKIPPED * SKIPPED_BYTES))
}

/** Without what has been there for 30 days. The same array, if there is no such key. */
export function purgeSkipped(skipped: Uint8Array, nowMs: number): Uint8Array {
  const kept: Uint8Array[] = []
  for (let at = 0; at < skipped.length; at += SKIPPED_BYTES) {
    const entry = skipped.subarray(at, at + SKIPPED_BYTES)
    const storedMs = new ByteReader(entry.subarray(STORED_AT)).u64()
    if (nowMs - storedMs < SKIPPED_TTL_MS) kept.push(entry)
  }
  return kept.length * SKIPPED_BYTES === skipped.length ? skipped : concat(...kept)
}
