import { envelopeBytes } from '../shared/envelope.ts'
import type { UserId } from '../shared/ids.ts'
import type { Append } from './journal-op.ts'

const COMPACT_FROM = 256
/** Of a flush that has no room for all: what one sender may have before the others had theirs. */
const SENDER_SHARE = 1 / 64

/** What a flush can still take. The last append may exceed the bytes. */
export interface FlushRoom {
  rows: number
  bytes: number
}

/** Appends that wait, oldest first. Struck ones stay in place until they are passed, or are the greater part. */
export class AppendLane {
  #appends: Append[] = []
  #struck = 0
  /** Of those that wait. */
  #bytes = 0

  push(append: Append): void {
    this.#appends.push(append)
    this.#bytes += envelopeBytes(append.envelope)
  }

  /** An append of this lane was struck out. */
  struck(append: Append): void {
    this.#bytes -= envelopeBytes(append.envelope)
    this.#struck++
    if (this.#struck < COMPACT_FROM || this.#struck * 2 < this.#appends.length) return
    this.#compact()
  }

  /** The oldest one; undefined when the lane is empty. */
  first(): Append | undefined {
    this.#drop(this.#appends.findIndex(({ state }) => state === 'buffered'))
    return this.#appends[0]
  }

  /**
   * Moves those of up to `upTo` ms into `taken` while there is room: the oldest, but when there is not room for all, each
   * sender first gets a share. Those of one sender keep their order.
   */
  take(taken: Append[], room: FlushRoom, upTo: number): void {
    if (this.#bytes <= room.bytes) return this.#takeOldest(taken, room, upTo)
    this.#takeShares(taken, room, upTo)
    this.#takeOldest(taken, room, upTo)
    this.#compact()
  }

  /** Takes out those that the predicate holds for, into `taken`. */
  extract(taken: Append[], isWanted: (append: Append) => boolean): void {
    const left: Append[] = []
    for (const append of this.#appends) {
      if (append.state !== 'buffered') continue
      if (isWanted(append)) {
        this.#move(append, taken)
      } else {
        left.push(append)
      }
    }
    this.#appends = left
    this.#struck = 0
  }

  #takeOldest(taken: Append[], room: FlushRoom, upTo: number): void {
    let i = 0
    for (; i < this.#appends.length && room.rows > 0 && room.bytes > 0; i++) {
      const append = this.#appends[i]!
      if (append.state !== 'buffered') continue
      if (append.bufferedAt > upTo) break
      this.#moveInto(room, append, taken)
    }
    this.#struck = Math.max(0, this.#struck - i)
    this.#drop(i === this.#appends.length ? -1 : i)
  }

  #takeShares(taken: Append[], room: FlushRoom, upTo: number): void {
    const share = room.bytes * SENDER_SHARE
    const had = new Map<UserId, number>()
    for (const append of this.#appends) {
      if (append.bufferedAt > upTo || room.rows <= 0 || room.bytes <= 0) return
      if (append.state !== 'buffered') continue
      const { envelope } = append
      const bytes = had.get(envelope.from.user) ?? 0
      if (bytes >= share) continue
      had.set(envelope.from.user, bytes + envelopeBytes(envelope))
      this.#moveInto(room, append, taken)
    }
  }

  #moveInto(room: FlushRoom, append: Append, taken: Append[]): void {
    room.rows--
    room.bytes -= envelopeBytes(append.envelope)
    this.#move(append, taken)
  }

  #move(append: Append, taken: Append[]): void {
    append.state = 'flushing'
    this.#bytes -= envelopeBytes(append.envelope)
    taken.push(append)
  }

  #compact(): void {
    this.#appends = this.#appends.filter(({ state }) => state === 'buffered')
    this.#struck = 0
  }

  #drop(count: number): void {
    if (count === 0) return
    this.#appends = count === -1 ? [] : this.#appends.slice(count)
    if (count === -1) this.#struck = 0
  }
}
