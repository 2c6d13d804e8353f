export interface ConnectionBounds {
  /** HTTP and WebSocket connections in all. */
  readonly max: number
  /** Past this share of them… */
  readonly crowdedShare: number
  /** …one address prefix may have this share of `max`. */
  readonly prefixShare: number
  /** Beyond `max`, for those who may ask how the node is. */
  readonly forProbes: number
}

export interface ConnectionRoom {
  /** At most, whatever the system allows. */
  readonly max: number
  /** Files that are no connections of clients, and those for each database. */
  readonly reservedFiles: number
  readonly reservedFilesPerDatabase: number
}

/** For how many connections there is room. @param files - that the system allows the process */
export function roomForConnections(room: ConnectionRoom, files: number, databases: number): number {
  return Math.min(room.max, files - reservedFiles(room, databases))
}

/** What a process needs files for beside connections of clients. */
export function reservedFiles(room: ConnectionRoom, databases: number): number {
  return room.reservedFiles + databases * room.reservedFilesPerDatabase
}

/** What a connection was refused for: its address prefix has its share, or there is no room for anybody. */
export type ConnectionRefusal = 'prefix' | 'all'

export interface ConnectionPlacesEvents {
  connectionRefused(why: ConnectionRefusal): void
  /** Most places are taken, or no longer. */
  crowdedChanged(crowded: boolean, open: number, max: number): void
}

/** uWebSockets.js ends an HTTP connection on which no request is answered after some 32 s, whatever trickles in. */
export const HTTP_IDLE_MS = 36_000

/** It is crowded until below this share of where it began. */
const CALM_SHARE = 0.9

/**
 * Counts the connections of a node, so that it never runs out of files. While there is plenty of room anybody may have as
 * many as they like; once it is crowded, no address prefix may have more than its share, nor more than is left for all
 * others, and HTTP connections end with their next answer. So however many addresses fill a node together, somebody who
 * has no connection yet gets one.
 *
 * How many there are in all is exact. Of one prefix it is at most as many as counted: uWebSockets.js does not tell whose
 * an idle HTTP connection was that has ended, so it counts until it must have.
 */
export class ConnectionPlaces {
  readonly max: number
  readonly #crowdedAt: number
  readonly #maxPerPrefix: number
  readonly #forProbes: number
  readonly #events: ConnectionPlacesEvents
  /** WebSockets, and HTTP connections with a request under way, by address prefix. */
  readonly #busy = new Map<string, number>()
  /** HTTP connections that were last heard of in this time and in the one before it, by address prefix. */
  #idle = new Map<string, number>()
  #idleBefore = new Map<string, number>()
  #http = 0
  #sockets = 0
  #crowded = false

  constructor({ max, crowdedShare, prefixShare, forProbes }: ConnectionBounds, events: ConnectionPlacesEvents) {
    this.max = max
    this.#crowdedAt = Math.floor(max * crowdedShare)
    this.#maxPerPrefix = Math.max(1, Math.floor(max * prefixShare))
    this.#forProbes = forProbes
    this.#events = events
  }

  get open(): number {
    return this.#http + this.#sockets
  }

  /** Connections that are no WebSockets. */
  get http(): number {
    return this.#http
  }

  get crowded(): boolean {
    return this.#crowded
  }

  /** Some of the places for probes are taken: who came by one of them is told how the node is, and nothing else. */
  get full(): boolean {
    return this.open > this.max
  }

  /**
   * A connection was opened, and must be closed if this says why; it counts until {@link closed}.
   * @param prefix - undefined: that of a load balancer, whose clients are known by their requests only
   * @param mayProbe - it is of a load balancer, or of this machine
   */
  opened(prefix: string | undefined, mayProbe: boolean): ConnectionRefusal | undefined {
    this.#http++
    this.#look()
    const refusal = mayProbe ? this.#refuseProbe() : this.#refuse(prefix)
    if (refusal !== undefined) this.#events.connectionRefused(refusal)
    else if (prefix !== undefined) countUp(this.#idle, prefix)
    return refusal
  }

  /** An HTTP connection has ended. */
  closed(): void {
    this.#http--
    this.#look()
  }

  /** A request came, on a connection that counted as idle. */
  began(prefix: string): void {
    this.#forgetIdle(prefix)
    countUp(this.#busy, prefix)
  }

  /** It is answered, or its client has gone. @param stays - the connection may be used again */
  ended(prefix: string, stays: boolean): void {
    countDown(this.#busy, prefix)
    if (stays) countUp(this.#idle, prefix)
  }

  /** A connection shall become a WebSocket. */
  admit(prefix: string): ConnectionRefusal | undefined {
    const refusal = this.#refuse(prefix)
    if (refusal !== undefined) this.#events.connectionRefused(refusal)
    return refusal
  }

  /** It has not, and ends. */
  turnedAway(prefix: string): void {
    this.#forgetIdle(prefix)
  }

  /** It has: no {@link closed} tells of its end. */
  upgraded(prefix: string): void {
    this.#http--
    this.#sockets++
    this.began(prefix)
  }

  /** A WebSocket has ended. */
  socketClosed(prefix: string): void {
    this.#sockets--
    countDown(this.#busy, prefix)
    this.#look()
  }

  /** To be called every {@link HTTP_IDLE_MS}: what was idle before the last time has ended. */
  turn(): void {
    this.#idleBefore = this.#idle
    this.#idle = new Map()
  }

  #forgetIdle(prefix: string): void {
    if (!countDown(this.#idle, prefix)) countDown(this.#idleBefore, prefix)
  }

  #refuse(prefix: string | undefined): ConnectionRefusal | undefined {
    if (this.open > this.max) return 'all'
    if (!this.#crowded || prefix === undefined) return undefined
    const count = (this.#busy.get(prefix) ?? 0) + (this.#idle.get(prefix) ?? 0) + (this.#idleBefore.get(prefix) ?? 0)
    return count >= this.#maxPerPrefix || count > this.max - this.open ? 'prefix' : undefined
  }

  #refuseProbe(): ConnectionRefusal | undefined {
    return this.open > this.max + this.#forProbes ? 'all' : undefined
  }

  #look(): void {
    const crowded = this.open > this.#crowdedAt * (this.#crowded ? CALM_SHARE : 1)
    if (crowded === this.#crowded) return
    this.#crowded = crowded
    this.#events.crowdedChanged(crowded, this.open, this.max)
  }
}

function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** False: there was none. */
function countDown(counts: Map<string, number>, key: string): boolean {
  const count = counts.get(key)
  if (count === undefined) return false
  if (count === 1) counts.delete(key)
  else counts.set(key, count - 1)
  return true
}
