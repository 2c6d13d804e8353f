import { decodeRecord, openRecord, sealRecord } from '../../../client/crypto/hosted/record.ts'
import type { HostedDevice } from '../../../client/crypto/hosted/key-box.ts'
import { CryptoError } from '../../../client/crypto/errors.ts'
import { prefixEnd } from '../../../client/store.ts'
import type { KeyRange, StoredRecord } from '../../../client/store.ts'
import type { HostedTransaction } from '../../storage/hosted-transaction.ts'
import { requireInstallation } from './data-keys.ts'
import type { DataKeys, DeviceKeys } from './data-keys.ts'

/** The one table of a store: its record keys say what is what. */
const TABLE = 0

const ASCII = /^[\0-\x7f]*$/

/** One transaction on a hosted device's store in plain text: records are opened as they come, and sealed as they go. */
export class SealedRecords {
  readonly #rows: HostedTransaction
  readonly #keys: Promise<DeviceKeys>
  readonly #onDamaged: () => void
  /** What was asked for ahead, until it is wanted. */
  readonly #ahead = new Map<string, Promise<Uint8Array | undefined>>()

  /** @param onDamaged - a record does not open */
  constructor(rows: HostedTransaction, device: HostedDevice, dataKeys: DataKeys, onDamaged: () => void) {
    this.#rows = rows
    this.#onDamaged = onDamaged
    this.#keys = rows.boxes.then((boxes) => {
      const keys = dataKeys.open(boxes)
      requireInstallation(keys, device)
      return keys
    })
    this.#keys.catch(() => undefined)
  }

  /** Asks for records that will probably be wanted, all at once: no answer to one is waited for before the next. */
  readAhead(keys: Iterable<string>): void {
    const wanted = new Set(keys)
    if (wanted.size === 0) return
    const found = this.#rows
      .findAll([...wanted].map(encodeKey))
      .then((rows) => new Map(rows.map(({ key, value }) => [decodeKey(key), value])))
    found.catch(() => undefined)
    for (const key of wanted) {
      const value = found.then((rows) => rows.get(key))
      value.catch(() => undefined)
      this.#ahead.set(key, value)
    }
  }

  /** A record that does not open comes empty: whoever decodes it finds that one damaged, and the others stand. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const found = this.#ahead.get(key) ?? this.#rows.find(encodeKey(key))
    const [keys, value] = await Promise.all([this.#keys, found])
    return value && this.#openOrEmpty(keys, encodeKey(key), value)
  }

  async scan({ prefix, after, before, reverse = false, limit }: KeyRange): Promise<readonly StoredRecord[]> {
    const end = prefixEnd(prefix)
    const from = after !== undefined && after >= prefix ? `${after}\0` : prefix
    const to = before !== undefined && before < end ? before : end
    const scanned = this.#rows.scan({ from: encodeKey(from), to: encodeKey(to), reverse, limit })
    const [keys, rows] = await Promise.all([this.#keys, scanned])
    return rows.map(({ key, value }) => ({ key: decodeKey(key), value: this.#openOrEmpty(keys, key, value) }))
  }

  /** Sends nothing yet: what is written goes with the commit. */
  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const { newest } = await this.#keys
    const puts: { key: Uint8Array; value: Uint8Array }[] = []
    const deletes: Uint8Array[] = []
    for (const [text, value] of changes) {
      const key = encodeKey(text)
      if (value === undefined) deletes.push(key)
      else puts.push({ key, value: sealRecord(newest, { table: TABLE, key }, value) })
    }
    this.#rows.put(puts)
    this.#rows.delete(deletes)
  }

  #openOrEmpty(keys: DeviceKeys, key: Uint8Array, value: Uint8Array): Uint8Array {
    try {
      return open(keys, key, value)
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      this.#onDamaged()
      return new Uint8Array(0)
    }
  }
}

/** @returns the record under the newest key; undefined when it is already. @throws CryptoError CORRUPT_STATE */
export function resealRecord(keys: DeviceKeys, key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
  const place = { table: TABLE, key }
  const plain = open(keys, key, value)
  return decodeRecord(value).generation === keys.newest.generation ? undefined : sealRecord(keys.newest, place, plain)
}

/** All that can be wrong is one error: what lies in the store came from it. */
function open(keys: DeviceKeys, key: Uint8Array, value: Uint8Array): Uint8Array {
  try {
    const record = decodeRecord(value)
    const dataKey = keys.find(record.generation)
    if (dataKey !== undefined) return openRecord(dataKey, { table: TABLE, key }, record)
  } catch (cause) {
    throw new CryptoError('CORRUPT_STATE', 'A record does not open', { cause })
  }
  throw new CryptoError('CORRUPT_STATE', 'The key of a record is gone')
}

/** Record keys are ASCII, so that the order of their bytes is theirs. */
function encodeKey(key: string): Uint8Array {
  if (!ASCII.test(key)) throw new RangeError('A record key is not ASCII')
  return Buffer.from(key, 'latin1')
}

function decodeKey(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1')
}
