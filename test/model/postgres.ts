import type { Rows, RowQuery } from '../../src/actors/mailbox-state.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { MessageId } from '../../src/shared/ids.ts'
import type { Flush } from '../../src/storage/journal-buffer.ts'
import type { WorldConfig } from './config.ts'
import { deviceIndex } from './devices.ts'

/** The database: a table of rows for each device, and the highest connection number of each. */
export class Postgres {
  readonly tables: Map<MessageId, Envelope>[]
  readonly numbers: number[]
  /** Statements whose connection was lost before they ran: they may still run, or never. */
  readonly lost: Flush[] = []

  readonly #config: WorldConfig

  constructor(config: WorldConfig) {
    this.#config = config
    this.tables = Array.from({ length: config.recipients + 1 }, () => new Map<MessageId, Envelope>())
    this.numbers = this.tables.map(() => 0)
  }

  apply(flush: Flush): void {
    if (this.#config.deletesFirst) this.#delete(flush)
    for (const { envelope } of flush.appends) {
      const table = this.tables[deviceIndex(envelope.to)]
      if (table?.has(envelope.messageId) === false) table.set(envelope.messageId, envelope)
    }
    if (!this.#config.deletesFirst) this.#delete(flush)
  }

  select(device: number, query: RowQuery): Rows {
    const all = [...this.tables[device]!.values()].sort((a, b) => (a.messageId < b.messageId ? -1 : 1))
    const rows: Envelope[] = []
    let complete = true
    let bytes = 0
    for (const row of all) {
      if (query.exclude.includes(row.messageId)) continue
      if (rows.length === query.limit || bytes >= query.bytes) {
        complete = false
        break
      }
      rows.push(row)
      bytes += row.payload.length
    }
    const highest = all.at(-1)?.messageId
    if (this.#config.carefulReads && rows.length === query.limit) complete = false
    return query.first && highest !== undefined ? { rows, complete, highest } : { rows, complete }
  }

  #delete({ deletes }: Flush): void {
    for (const { to, messageId } of deletes) this.tables[deviceIndex(to)]?.delete(messageId)
  }
}
