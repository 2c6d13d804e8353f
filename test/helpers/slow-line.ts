import type { Socket } from 'node:net'

/** How bad a line is. */
export interface LineQuality {
  /** Of a packet, one way. */
  readonly delayMs: number
  readonly bytesPerSecond: number
  /** The share of packets that are lost, which TCP notices and sends again. */
  readonly loss: number
}

/** As a phone has it at the edge of the second generation's network. */
export const SLOW_LINE: LineQuality = { delayMs: 500, bytesPerSecond: 2_500, loss: 0.1 }

/** Which way bytes go: to whom a proxy connects, or back to whom connected to it. */
export type Way = 'toFar' | 'toNear'

const PACKET_BYTES = 1_400
/** Of a packet that is lost again and again. */
const MAX_REPEATS = 6
/** What stands between a sender and the line: the sender waits while it is full. */
const BUFFER_BYTES = 64 * 1024
/** TCP waits for so many delays before it sends a lost packet again. */
const REPEAT_AFTER = 3

/**
 * When bytes arrive over a slow, lossy line: packets leave one after the other at its rate, each takes its delay, and a
 * lost one holds up what follows until TCP has noticed it and sent it again. Shared by all connections over it. It stands
 * in for `tc netem` above TCP: what it leaves out is TCP's own caution, its congestion window.
 */
export class SlowLine {
  readonly #quality: LineQuality
  readonly #random: () => number
  readonly #freeAt: Record<Way, number> = { toFar: 0, toNear: 0 }

  /** @param random - a number in [0, 1), like Math.random */
  constructor(quality: LineQuality, random: () => number) {
    this.#quality = quality
    this.#random = random
  }

  /** How long TCP takes to make a connection. */
  handshakeMs(): number {
    return 2 * this.#quality.delayMs + this.#repeatsMs(REPEAT_AFTER * this.#quality.delayMs)
  }

  /** The packets of what is given to the line now, and when each arrives, by the same clock. */
  *carry(chunk: Buffer, way: Way, now: number): Generator<{ readonly packet: Buffer; readonly at: number }> {
    const { delayMs, bytesPerSecond } = this.#quality
    for (let start = 0; start < chunk.length; start += PACKET_BYTES) {
      const packet = chunk.subarray(start, start + PACKET_BYTES)
      const airMs = (packet.length / bytesPerSecond) * 1_000
      this.#freeAt[way] = Math.max(this.#freeAt[way], now) + airMs
      const noticedMs = this.#repeatsMs(REPEAT_AFTER * delayMs)
      if (noticedMs > 0) this.#freeAt[way] += airMs
      yield { packet, at: this.#freeAt[way] + delayMs + noticedMs }
    }
  }

  /** What is lost by being lost, once or more often: each wait is twice as long as the one before. */
  #repeatsMs(firstMs: number): number {
    let repeats = 0
    while (repeats < MAX_REPEATS && this.#random() < this.#quality.loss) repeats++
    return firstMs * (2 ** repeats - 1)
  }
}

/** One way of one connection: what is under way on it, in order. */
export class Lane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #underWay: { readonly chunk: Buffer; readonly at: number }[] = []
  #bytes = 0
  #lastAt = 0
  #timer: NodeJS.Timeout | undefined
  #whenEmpty: (() => void)[] = []

  constructor(from: Socket, to: Socket) {
    this.#from = from
    this.#to = to
    to.once('close', () => this.#drop())
  }

  get isEmpty(): boolean {
    return this.#underWay.length === 0
  }

  /** Nothing arrives before this time. */
  holdUntil(at: number): void {
    this.#lastAt = Math.max(this.#lastAt, at)
  }

  give(chunk: Buffer, at: number): void {
    this.#lastAt = Math.max(this.#lastAt, at)
    this.#underWay.push({ chunk, at: this.#lastAt })
    this.#bytes += chunk.length
    if (this.#bytes > BUFFER_BYTES) this.#from.pause()
    this.#timer ??= this.#wait()
  }

  /** All that is under way arrives now. */
  release(): void {
    if (this.isEmpty) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#lastAt = 0
    this.#arrive(Number.POSITIVE_INFINITY)
  }

  /** Calls back when nothing is under way any more. */
  afterAll(run: () => void): void {
    if (this.isEmpty) run()
    else this.#whenEmpty.push(run)
  }

  #wait(): NodeJS.Timeout | undefined {
    const [first] = this.#underWay
    if (first === undefined) return undefined
    return setTimeout(() => this.#arrive(), Math.max(0, first.at - performance.now()))
  }

  #arrive(now = performance.now()): void {
    while (this.#underWay[0] !== undefined && this.#underWay[0].at <= now) {
      const { chunk } = this.#underWay.shift()!
      this.#bytes -= chunk.length
      if (!this.#to.destroyed) this.#to.write(chunk)
    }
    if (this.#bytes <= BUFFER_BYTES && this.#from.isPaused()) this.#from.resume()
    this.#timer = this.#wait()
    if (this.isEmpty) for (const run of this.#whenEmpty.splice(0)) run()
  }

  /** Whoever it was for has gone. */
  #drop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#underWay.length = 0
    for (const run of this.#whenEmpty.splice(0)) run()
  }
}
