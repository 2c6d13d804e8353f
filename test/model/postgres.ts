import type { Rows, RowQuery } from '../../src/actors/mailbox-state.ts'
import { Kind } from '../../proto/frames.ts'
import { ROW_BYTES } from '../../src/shared/envelope.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { MessageId, UserId } from '../../src/shared/ids.ts'
import type { Flush } from '../../src/storage/journal-buffer.ts'
import type { RoomMeasure, SenderMeasure } from '../../src/storage/mailbox-room.ts'
import type { WorldConfig } from './config.ts'
import { DatabaseTime } from './clocks.ts'
import { USERS, deviceIndex } from './devices.ts'
import type { World } from './world.ts'

/** The database: a table of rows for each device, and the highest connection number of each. */
export class Postgres {
  readonly tables: Map<MessageId, Envelope>[]
  readonly numbers: number[]
  /** Statements whose connection was lost before they ran: they may still run, or never. */
  readonly lost: Flush[] = []
  readonly time: DatabaseTime
  readonly #world: World
  readonly #config: WorldConfig
  /** By row: before this time itself, ms, nothing may end it. */
  readonly #due = new Map<Envelope, number>()

  constructor(world: World, config: WorldConfig) {
    this.#world = world
    this.#config = config
    this.time = new DatabaseTime(world)
    this.tables = Array.from({ length: config.recipients + 1 }, () => new Map<MessageId, Envelope>())
    this.numbers = this.tables.map(() => 0)
  }

  apply(flush: Flush): void {
    if (this.#config.deletesFirst) this.#delete(flush)
    for (const { envelope } of flush.appends) {
      const table = this.tables[deviceIndex(envelope.to)]
      if (table === undefined) continue
      const known = table.get(envelope.messageId)
      if (known === undefined) table.set(envelope.messageId, this.#row(envelope))
      else if (known.id !== envelope.id || known.from !== envelope.from) {
        this.#world.violate('STAMP', `two envelopes have the stamp ${envelope.messageId}`)
      }
    }
    if (!this.#config.deletesFirst) this.#delete(flush)
  }

  /** An actor ends a row as expired. */
  ended(row: Envelope): void {
    const due = this.#due.get(row)
    if (due === undefined || this.time.passedMs < due) this.#world.violate('CLOCK', `m${row.id} expires too early`)
  }

  /** Its time begins now, by the clock of the database. */
  #row(envelope: Envelope): Envelope {
    const lifetime = envelope.expiresAt - envelope.sentAt
    const row = { ...envelope, expiresAt: this.time.now + lifetime }
    this.#due.set(row, this.time.passedMs + lifetime)
    return row
  }

  select(device: number, query: RowQuery): Rows & { readonly readAt: number } {
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
    const page = { rows, complete, readAt: this.time.now }
    return query.first && highest !== undefined ? { ...page, highest } : page
  }

  /** What a mailbox amounts to. */
  measure(device: number): RoomMeasure {
    const nothing = { envelopes: 0, bytes: 0, receiptBytes: 0 }
    const all = { ...nothing }
    const senders = new Map<UserId, SenderMeasure>()
    for (const { kind, from, payload } of this.tables[device]!.values()) {
      if (kind === Kind.DELIVERED || kind === Kind.EXPIRED) continue
      const sender = senders.get(from.user) ?? { ...nothing, user: from.user, stranger: false }
      const bytes = ROW_BYTES + payload.length
      senders.set(from.user, { ...sender, envelopes: sender.envelopes + 1, bytes: sender.bytes + bytes })
      all.envelopes++
      all.bytes += bytes
    }
    for (const user of USERS) {
      if (!senders.has(user)) senders.set(user, { ...nothing, user, stranger: false })
    }
    return { ...all, strangers: nothing, senders: [...senders.values()] }
  }

  #delete({ deletes }: Flush): void {
    for (const { to, messageId } of deletes) this.tables[deviceIndex(to)]?.delete(messageId)
  }
}
