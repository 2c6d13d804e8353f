import { Room } from '../shared/room.ts'

/** Whoever takes turns: a connection. The fields belong to {@link Turns}. */
export interface TurnTaker {
  /** Of its last work. */
  tick: number
  /** Done for it in that tick. */
  work: number
  /** What has come and is not handled yet; undefined: nothing. */
  waiting: Uint8Array[] | undefined
  waitingBytes: number
}

export interface TurnsOptions<Member> {
  /** Of messages that wait, per connection. */
  readonly waitingBytes: number
  /** Of all connections together. */
  readonly waitingBytesInAll: number
  /** Handles a message. Returns how many things it named, each of which made work. */
  handle(member: Member, message: Uint8Array): number
}

/** Work is measured in bytes; a frame, a copy or a user named counts as so many more. */
const THING_WORK = 128
/** What is handled as it comes, of each connection, however busy the tick is, */
const TURN_WORK = 16 * 1_024
/** as long as no message is longer: many that name 1,000 users each would be a long tick. */
const SMALL_BYTES = 2 * 1_024
/** In a tick: past it, those who had their turn wait for the next one. */
const TICK_WORK = 512 * 1_024
/** What a message that waits holds beside its bytes. */
const MESSAGE_BYTES = 512

/**
 * Who is handled when. The library reads a socket for as long as bytes are there, all in one tick of the event loop, and
 * cannot be paused: what comes beyond a connection's turn in a busy tick waits, as bytes, and is handled a turn at a time,
 * in turn with the others. So nobody who says little waits for those who say much.
 */
export class Turns<Member extends TurnTaker> {
  readonly #options: TurnsOptions<Member>
  readonly #room: Room
  /** Those whose messages wait: the next to have a turn is the first. */
  readonly #queue = new Set<Member>()
  #tick = 0
  #work = 0

  constructor(options: TurnsOptions<Member>) {
    this.#options = options
    this.#room = new Room(options.waitingBytesInAll)
  }

  /** Handles a message, whose bytes are good until this returns, now or later. False: too much waits already. */
  take(member: Member, message: Uint8Array): boolean {
    if (member.tick !== this.#tick) {
      member.tick = this.#tick
      member.work = 0
    }
    const { length } = message
    const isLittle = length <= SMALL_BYTES && member.work + length <= TURN_WORK
    const hasTurn = isLittle || this.#work + length <= TICK_WORK
    if (member.waiting !== undefined || !hasTurn) return this.#keep(member, message)
    this.#handle(member, message)
    return true
  }

  /** The tick is over: those who wait have turns. Returns whether somebody still waits. */
  endTick(): boolean {
    this.#tick++
    this.#work = 0
    for (const member of this.#queue) {
      if (this.#work >= TICK_WORK) break
      this.#takeTurn(member)
      this.#queue.delete(member)
      if (member.waiting !== undefined) this.#queue.add(member)
    }
    return this.#queue.size > 0
  }

  /** The connection is gone, and what waits of it. */
  forget(member: Member): void {
    if (member.waiting === undefined) return
    this.#room.free(member.waitingBytes)
    member.waiting = undefined
    member.waitingBytes = 0
    this.#queue.delete(member)
  }

  #keep(member: Member, message: Uint8Array): boolean {
    const bytes = message.length + MESSAGE_BYTES
    if (member.waitingBytes + bytes > this.#options.waitingBytes || !this.#room.take(bytes)) return false
    member.waitingBytes += bytes
    member.waiting ??= []
    member.waiting.push(message.slice())
    this.#queue.add(member)
    return true
  }

  #takeTurn(member: Member): void {
    member.tick = this.#tick
    member.work = 0
    do {
      const message = member.waiting?.shift()
      if (message === undefined) return
      this.#room.free(message.length + MESSAGE_BYTES)
      member.waitingBytes -= message.length + MESSAGE_BYTES
      if (member.waiting?.length === 0) member.waiting = undefined
      this.#handle(member, message)
    } while (member.work < TURN_WORK && this.#work < TICK_WORK)
  }

  #handle(member: Member, message: Uint8Array): void {
    const work = message.length + THING_WORK * this.#options.handle(member, message)
    member.work += work
    this.#work += work
  }
}
