import { concat, KEY_BYTES } from '../crypto/bytes.ts'
import type { PreKeySecrets } from '../crypto/handshake/responder.ts'
import { generateKem, KEM_SEED_BYTES } from '../crypto/primitives/kem.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import type { KeyPair } from '../crypto/primitives/provider.ts'
import type { PreKeyHeader } from '../crypto/wire/pre-key-message.ts'
import { signKemPreKey, signPreKey } from '../crypto/devices/pre-keys.ts'
import { encodeKemPreKey, encodeOneTimePreKey, encodeSignedPreKey, KemKind } from '../crypto/wire/pre-keys.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from '../records.ts'
import type { Transaction } from '../store.ts'
import type { Self } from './self.ts'

/** A key that was replaced may still be named by what was sent to this device before. */
const KEEP_REPLACED_MS = 30 * 24 * 3600 * 1000

/** The secret of a pre-key as it is stored; `replacedAt`: there is a newer one. */
interface StoredKey {
  readonly createdAt: number
  readonly replacedAt?: number
}

/** First messages that are remembered of a pair of a signed pre-key and a last resort. */
const MAX_BASE_KEYS = 10_000

type Pool = 'signed' | 'lastResort' | 'oneTime' | 'kem'

/** The same, with the counters moved on. */
export interface Made<T> {
  readonly self: Self
  readonly made: T
}

/** A new signed pre-key and a new last resort; those before them are kept for a while. */
export async function makeRotated(
  primitives: Primitives,
  transaction: Transaction,
  self: Self,
  now: number,
): Promise<Made<{ readonly signedPreKey: Uint8Array; readonly lastResort: Uint8Array }>> {
  await markReplaced(transaction, 'signed', now)
  await markReplaced(transaction, 'lastResort', now)
  const { publicKey, secretKey } = primitives.generateDh()
  // The clock may have been set back, and peers refuse a key that seems older than the one before.
  const createdMs = Math.max(now, self.rotatedAt)
  const unsigned = { id: self.nextIds.signed, publicKey, createdMs }
  const signed = await signPreKey(primitives, self.address, self.signing, unsigned)
  put(transaction, 'signed', signed.id, now, concat(secretKey, publicKey))
  const lastResort = await makeKemKey(primitives, transaction, self, KemKind.LAST_RESORT, self.nextIds.kem, now)
  return {
    self: {
      ...self,
      rotatedAt: createdMs,
      nextIds: { ...self.nextIds, signed: signed.id + 1, kem: self.nextIds.kem + 1 },
    },
    made: { signedPreKey: encodeSignedPreKey(signed), lastResort },
  }
}

/** More keys that are each good for one session. */
export async function makeOneTime(
  primitives: Primitives,
  transaction: Transaction,
  self: Self,
  counts: { readonly oneTime: number; readonly kem: number },
  now: number,
): Promise<Made<{ readonly oneTimePreKeys: readonly Uint8Array[]; readonly kemPreKeys: readonly Uint8Array[] }>> {
  const { nextIds } = self
  const oneTimePreKeys: Uint8Array[] = []
  for (let id = nextIds.oneTime; id < nextIds.oneTime + counts.oneTime; id++) {
    const { publicKey, secretKey } = primitives.generateDh()
    put(transaction, 'oneTime', id, now, concat(secretKey, publicKey))
    oneTimePreKeys.push(encodeOneTimePreKey({ id, publicKey }))
  }
  const kemPreKeys: Uint8Array[] = []
  for (let id = nextIds.kem; id < nextIds.kem + counts.kem; id++) {
    kemPreKeys.push(await makeKemKey(primitives, transaction, self, KemKind.ONE_TIME, id, now))
  }
  const moved = { ...nextIds, oneTime: nextIds.oneTime + counts.oneTime, kem: nextIds.kem + counts.kem }
  return { self: { ...self, nextIds: moved }, made: { oneTimePreKeys, kemPreKeys } }
}

async function makeKemKey(
  primitives: Primitives,
  transaction: Transaction,
  self: Self,
  kind: KemKind,
  id: number,
  now: number,
): Promise<Uint8Array> {
  const { publicKey, seed } = generateKem()
  const key = await signKemPreKey(primitives, self.address, self.signing, kind, { id, publicKey, createdMs: now })
  put(transaction, kind === KemKind.LAST_RESORT ? 'lastResort' : 'kem', id, now, concat(seed, publicKey))
  return encodeKemPreKey(key)
}

/** The secrets that a first message names; undefined: one of them is not, or no longer, here. */
export async function findPreKeys(
  transaction: Transaction,
  { signedPreKeyId, oneTimePreKeyId, kemPreKeyId, kemOneTime }: PreKeyHeader,
): Promise<PreKeySecrets | undefined> {
  const signed = await findRaw(transaction, 'signed', signedPreKeyId)
  const oneTime = oneTimePreKeyId === undefined ? undefined : await findRaw(transaction, 'oneTime', oneTimePreKeyId)
  const kem = await findRaw(transaction, kemOneTime ? 'kem' : 'lastResort', kemPreKeyId)
  if (signed === undefined || kem === undefined) return undefined
  if (oneTimePreKeyId !== undefined && oneTime === undefined) return undefined
  const kemKeys = { seed: kem.subarray(0, KEM_SEED_BYTES), publicKey: kem.subarray(KEM_SEED_BYTES) }
  return {
    signedPreKey: { id: signedPreKeyId, keys: toPair(signed) },
    kemPreKey: { id: kemPreKeyId, oneTime: kemOneTime, keys: kemKeys },
    ...(oneTimePreKeyId === undefined || oneTime === undefined
      ? {}
      : { oneTimePreKey: { id: oneTimePreKeyId, keys: toPair(oneTime) } }),
  }
}

async function findRaw(transaction: Transaction, pool: Pool, id: number): Promise<Uint8Array | undefined> {
  return decodeRecord<StoredKey>(await transaction.get(keys.preKey(pool, id)))?.raw
}

function toPair(raw: Uint8Array): KeyPair {
  return { secretKey: raw.subarray(0, KEY_BYTES), publicKey: raw.subarray(KEY_BYTES) }
}

/** A one-time key was used: nobody can read what was sent with it after this. */
export function deletePreKey(transaction: Transaction, pool: 'oneTime' | 'kem', id: number): void {
  transaction.delete(keys.preKey(pool, id))
}

/**
 * Deletes what was replaced long ago, with the memory of the first messages that used it. To be called only after a
 * session has caught up: what was sent to this device before must be read first.
 */
export async function purgePreKeys(transaction: Transaction, now: number): Promise<void> {
  for (const pool of ['signed', 'lastResort'] as const) {
    for (const { key, value } of await transaction.scan({ prefix: prefixes.preKeys(pool), limit: 1_000 })) {
      const replacedAt = decodeRecord<StoredKey>(value)?.json.replacedAt
      if (replacedAt !== undefined && now - replacedAt > KEEP_REPLACED_MS) transaction.delete(key)
    }
  }
  await purgeBaseKeys(transaction)
}

/**
 * Notes that a first message has come which used no one-time key. Of a pair of keys that was used so often that no more
 * can be remembered, the secrets go with what was remembered: no first message to them can come twice.
 *
 * @returns `known`: it came before · `full`: the pair is gone, and new keys are due
 */
export async function noteBaseKey(transaction: Transaction, baseKey: string): Promise<'new' | 'known' | 'full'> {
  const key = keys.baseKey(baseKey)
  if ((await transaction.get(key)) !== undefined) return 'known'
  const pair = baseKey.slice(0, baseKey.lastIndexOf('.'))
  const countKey = keys.baseKeyCount(pair)
  const count = decodeRecord<{ count: number }>(await transaction.get(countKey))?.json.count ?? 0
  if (count >= MAX_BASE_KEYS) {
    const [kem = '', signed = ''] = pair.split('.')
    transaction.delete(keys.preKey('lastResort', Number(kem)))
    transaction.delete(keys.preKey('signed', Number(signed)))
    transaction.delete(countKey)
    await purgeBaseKeys(transaction)
    return 'full'
  }
  transaction.put(key, new Uint8Array(0))
  transaction.put(countKey, encodeRecord({ count: count + 1 }))
  return 'new'
}

/** A base key is remembered as long as the keys that it was used with: its record begins with their ids. */
async function purgeBaseKeys(transaction: Transaction): Promise<void> {
  for (const { key } of await transaction.scan({ prefix: prefixes.baseKeys, limit: 100_000 })) {
    const [kem = '', signed = ''] = key.slice(prefixes.baseKeys.length).split('.')
    const lastResort = await transaction.get(keys.preKey('lastResort', Number(kem)))
    const preKey = await transaction.get(keys.preKey('signed', Number(signed)))
    if (lastResort === undefined || preKey === undefined) transaction.delete(key)
  }
}

async function markReplaced(transaction: Transaction, pool: Pool, now: number): Promise<void> {
  for (const { key, value } of await transaction.scan({ prefix: prefixes.preKeys(pool), limit: 1_000 })) {
    const record = decodeRecord<StoredKey>(value)
    if (record === undefined || record.json.replacedAt !== undefined) continue
    transaction.put(key, encodeRecord({ ...record.json, replacedAt: now }, record.raw))
  }
}

function put(transaction: Transaction, pool: Pool, id: number, now: number, keyBytes: Uint8Array): void {
  transaction.put(keys.preKey(pool, id), encodeRecord({ createdAt: now } satisfies StoredKey, keyBytes))
}
