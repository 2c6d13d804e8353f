import { RefusalError } from '../shared/refusal.ts'

export interface BodyBounds {
  /** Bodies of which a part is still to come, and those of one address prefix and of one user among them. */
  readonly maxWaiting: number
  readonly maxWaitingPerPrefix: number
  readonly maxWaitingPerUser: number
  /** Room for bodies, from their heads to their answers. */
  readonly maxBytes: number
  /** A body may take this long, and what its bytes so far take at the least rate. */
  readonly graceMs: number
  readonly minBytesPerSecond: number
  /** However fast it is. */
  readonly timeoutMs: number
}

/** Ends a body that lost its place. */
export interface PlaceHolder {
  lose(refusal: RefusalError): void
  /** It comes fast enough: nobody else may take it for dead. */
  prod(): void
}

const RETRY_MS = 1_000

/**
 * The places of bodies that arrive at a node. A sender may be slow only where nobody needs its place: one that falls below
 * the least rate loses it, and where all are taken the slowest that is past its grace gives way to the next comer.
 */
export class WaitingBodies {
  readonly #bounds: BodyBounds
  readonly #now: () => number
  readonly #waiting = new Set<BodyPlace>()
  readonly #perPrefix = new Map<string, number>()
  readonly #perUser = new Map<number, number>()
  #bytes = 0

  /** @param now - ms that never go back */
  constructor(bounds: BodyBounds, now: () => number) {
    this.#bounds = bounds
    this.#now = now
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * A place for a body of at most so many bytes.
   * @throws RefusalError: RATE_LIMITED when the prefix has its share, OVERLOADED when there is no room
   */
  take(prefix: string, bytes: number, holder: PlaceHolder): BodyPlace {
    const { maxWaiting, maxWaitingPerPrefix, maxBytes } = this.#bounds
    const ofPrefix = this.#perPrefix.get(prefix) ?? 0
    if (ofPrefix >= maxWaitingPerPrefix) {
      throw new RefusalError('RATE_LIMITED', 'Too many bodies of this address arrive at a time', {
        retryAfterMs: RETRY_MS,
      })
    }
    const hasRoom = (): boolean => this.#waiting.size < maxWaiting && this.#bytes + bytes <= maxBytes
    while (!hasRoom()) {
      const slowest = this.#findSlowest()
      if (slowest === undefined) throw overloaded('Too many bodies arrive at a time')
      slowest.lose(overloaded('The body came too slowly, and others need its place'))
    }
    const place = new BodyPlace(this, prefix, bytes, holder)
    this.#waiting.add(place)
    this.#perPrefix.set(prefix, ofPrefix + 1)
    this.#bytes += bytes
    return place
  }

  /** To be called every second or so: those below the least rate lose their places. */
  sweep(): void {
    const now = this.#now()
    const { graceMs, minBytesPerSecond, timeoutMs } = this.#bounds
    for (const place of this.#waiting) {
      if (place.since === undefined) continue
      const elapsedMs = now - place.since
      const neededBytes = ((elapsedMs - graceMs) / 1_000) * minBytesPerSecond
      if (elapsedMs < timeoutMs && place.received >= neededBytes) place.holder.prod()
      else place.lose(new RefusalError('REQUEST_TIMEOUT', 'The body came too slowly'))
    }
  }

  /** For {@link BodyPlace}: a time from which a body is waited for. */
  now(): number {
    return this.#now()
  }

  /** For {@link BodyPlace}: the user whose it is. @throws RefusalError with RATE_LIMITED */
  claim(place: BodyPlace, user: number): void {
    if (!this.#waiting.has(place)) return
    const ofUser = this.#perUser.get(user) ?? 0
    if (ofUser >= this.#bounds.maxWaitingPerUser) {
      const message = 'Too many bodies of this sort and user arrive at a time'
      throw new RefusalError('RATE_LIMITED', message, { retryAfterMs: RETRY_MS })
    }
    this.#perUser.set(user, ofUser + 1)
    place.user = user
  }

  /** For {@link BodyPlace}. */
  stopWaiting(place: BodyPlace): void {
    if (!this.#waiting.delete(place)) return
    countDown(this.#perPrefix, place.prefix)
    if (place.user !== undefined) countDown(this.#perUser, place.user)
  }

  /** For {@link BodyPlace}. */
  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }

  #findSlowest(): BodyPlace | undefined {
    const now = this.#now()
    let slowest: BodyPlace | undefined
    let least = Infinity
    for (const place of this.#waiting) {
      if (place.since === undefined) continue
      const elapsedMs = now - place.since
      if (elapsedMs < this.#bounds.graceMs) continue
      const rate = place.received / elapsedMs
      if (rate >= least) continue
      least = rate
      slowest = place
    }
    return slowest
  }
}

function countDown<Key>(counts: Map<Key, number>, key: Key): void {
  const count = (counts.get(key) ?? 1) - 1
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}

function overloaded(message: string): RefusalError {
  return new RefusalError('OVERLOADED', message, { retryAfterMs: RETRY_MS })
}

/** The place of one body, until it is given back. */
export class BodyPlace {
  readonly prefix: string
  readonly holder: PlaceHolder
  /** Whose it is, as far as that is known. */
  user: number | undefined
  readonly #bodies: WaitingBodies
  readonly #bytes: number
  #since: number | undefined
  #received = 0
  #released = false

  constructor(bodies: WaitingBodies, prefix: string, bytes: number, holder: PlaceHolder) {
    this.#bodies = bodies
    this.#bytes = bytes
    this.prefix = prefix
    this.holder = holder
  }

  /** When its sender was told to go on; undefined: it is the node that takes its time. */
  get since(): number | undefined {
    return this.#since
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#received
  }

  progressed(bytes: number): void {
    this.#received += bytes
  }

  /** From now on it must come. @throws RefusalError with RATE_LIMITED */
  begin(user: number | undefined): void {
    if (user !== undefined) this.#bodies.claim(this, user)
    this.#since = this.#bodies.now()
  }

  /** All of it has come: it needs its room until it is answered, but no place among those that wait. */
  arrived(): void {
    this.#bodies.stopWaiting(this)
  }

  lose(refusal: RefusalError): void {
    this.release()
    this.holder.lose(refusal)
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#bodies.stopWaiting(this)
    this.#bodies.giveBack(this.#bytes)
  }
}
