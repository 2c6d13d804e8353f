import type { PoolClient, QueryConfig } from 'pg'
import { addressKey } from '../shared/ids.ts'
import type { Address } from '../shared/ids.ts'
import { byteaArray } from './pg-array.ts'

/** A record as it lies in the database: sealed. */
export interface HostedRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Rows whose keys lie in it, by the order of their bytes. */
export interface HostedRange {
  readonly from: Uint8Array
  /** Not in the range itself. */
  readonly to: Uint8Array
  readonly reverse: boolean
  readonly limit: number
}

/** A sealed key of a hosted device's store. */
export interface HostedKeyBox {
  readonly generation: number
  readonly masterKeyId: Uint8Array
  readonly box: Uint8Array
}

const BOXES = `
  SELECT box FROM hosted_key_boxes WHERE user_id = $1 AND device = $2 ORDER BY generation`
const FIND = `
  SELECT value FROM hosted_records WHERE user_id = $1 AND device = $2 AND key = $3`
const FIND_ALL = `
  SELECT key, value FROM hosted_records WHERE user_id = $1 AND device = $2 AND key = ANY ($3::bytea[])`
const scan = (order: 'ASC' | 'DESC') => `
  SELECT key, value FROM hosted_records WHERE user_id = $1 AND device = $2 AND key >= $3 AND key < $4
  ORDER BY key ${order} LIMIT $5`
const SCAN = scan('ASC')
const SCAN_BACK = scan('DESC')
/** A record names the generation of its key in its third to sixth byte. */
const COUNT_OTHERS = `
  SELECT count(*)::integer AS others FROM hosted_records
  WHERE user_id = $1 AND device = $2 AND substring(value FROM 3 FOR 4) <> int4send($3)`
const PUT = `
  INSERT INTO hosted_records (user_id, device, key, value)
  SELECT $1::bigint, $2::smallint, r.key, r.value FROM unnest($3::bytea[], $4::bytea[]) AS r (key, value)
  ON CONFLICT (user_id, device, key) DO UPDATE SET value = excluded.value`
const DELETE = `
  DELETE FROM hosted_records WHERE user_id = $1 AND device = $2 AND key = ANY ($3::bytea[])`
const PUT_BOX = `
  INSERT INTO hosted_key_boxes (user_id, device, generation, master_key_id, box)
  VALUES ($1, $2, $3, $4, $5)`
const DELETE_BOXES = `
  DELETE FROM hosted_key_boxes WHERE user_id = $1 AND device = $2 AND generation < $3`
const CLEAR = `
  DELETE FROM hosted_records WHERE user_id = $1 AND device = $2`

/**
 * A transaction on the store of one hosted device, which no other runs beside. Statements go out without a wait for the
 * answers to those before. What is written is sent at its end, together with the COMMIT.
 */
export class HostedTransaction {
  /** The key boxes of the device, the newest last. */
  readonly boxes: Promise<readonly Uint8Array[]>
  readonly #client: PoolClient
  readonly #address: readonly [user: number, device: number]
  readonly #writes: QueryConfig[] = []
  readonly #opened: Promise<unknown>

  constructor(client: PoolClient, { user, device }: Address) {
    this.#client = client
    this.#address = [user, device]
    const place = addressKey(user, device)
    const begun = client.query('BEGIN')
    // The pair of integers is a space of its own beside the single ones that other locks have.
    const locked = client.query({
      name: 'hosted-lock',
      text: 'SELECT pg_advisory_xact_lock($1::integer, $2::integer)',
      values: [Math.floor(place / 2 ** 32), place | 0],
    })
    // A statement of its own: its snapshot is younger than the lock.
    this.boxes = this.#read<{ box: Buffer }>('hosted-boxes', BOXES, []).then((rows) => rows.map(({ box }) => box))
    this.#opened = Promise.all([begun, locked, this.boxes])
    this.#opened.catch(() => undefined)
  }

  /** Something is to be written. */
  get wrote(): boolean {
    return this.#writes.length > 0
  }

  async find(key: Uint8Array): Promise<Uint8Array | undefined> {
    const rows = await this.#read<{ value: Buffer }>('hosted-find', FIND, [key])
    return rows[0]?.value
  }

  /** Those of the records that there are. */
  findAll(keys: readonly Uint8Array[]): Promise<readonly HostedRow[]> {
    return this.#read<HostedRow>('hosted-find-all', FIND_ALL, [byteaArray(keys)])
  }

  async scan({ from, to, reverse, limit }: HostedRange): Promise<readonly HostedRow[]> {
    const values = [from, to, limit]
    return reverse
      ? this.#read<HostedRow>('hosted-scan-back', SCAN_BACK, values)
      : this.#read<HostedRow>('hosted-scan', SCAN, values)
  }

  /** How many records are sealed with a key of another generation. */
  async countOthers(generation: number): Promise<number> {
    const [row] = await this.#read<{ others: number }>('hosted-count-others', COUNT_OTHERS, [generation])
    return row!.others
  }

  put(rows: readonly HostedRow[]): void {
    if (rows.length === 0) return
    const values = [byteaArray(rows.map(({ key }) => key)), byteaArray(rows.map(({ value }) => value))]
    this.#write('hosted-put', PUT, values)
  }

  delete(keys: readonly Uint8Array[]): void {
    if (keys.length > 0) this.#write('hosted-delete', DELETE, [byteaArray(keys)])
  }

  putBox({ generation, masterKeyId, box }: HostedKeyBox): void {
    this.#write('hosted-put-box', PUT_BOX, [generation, masterKeyId, box])
  }

  deleteBoxesBefore(generation: number): void {
    this.#write('hosted-delete-boxes', DELETE_BOXES, [generation])
  }

  /** Deletes all boxes, then all records: what is left of an older installation. */
  clear(): void {
    this.deleteBoxesBefore(2 ** 31 - 1)
    this.#write('hosted-clear', CLEAR, [])
  }

  /** Resolves when all of it is safe. */
  async commit(): Promise<void> {
    await this.#opened
    const sent = this.#writes.map((query) => this.#client.query(query))
    // After a failed statement PostgreSQL makes a rollback of it.
    await Promise.all([...sent, this.#client.query('COMMIT')])
  }

  #write(name: string, text: string, values: readonly unknown[]): void {
    this.#writes.push({ name, text, values: [...this.#address, ...values] })
  }

  async #read<Row extends object>(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
    return (await this.#client.query<Row>({ name, text, values: [...this.#address, ...values] })).rows
  }
}
