import type { ClientFrame, SendFrame } from '../../proto/frames.ts'
import { isReceipt } from '../shared/envelope.ts'
import type { RateBucket, RateLimiter } from '../shared/rate-limit.ts'
import type { Room } from '../shared/room.ts'

/** The buckets of a device. They are the device's, not the session's: a new connection does not fill them. */
export type IntakeLimit = 'connect' | 'frames' | 'bytesIn' | 'send' | 'signal' | 'watch'

export interface IntakeSettings {
  /** Of a connection before its `connected`: frames that are kept, and bytes. */
  readonly earlyFrames: number
  readonly earlyBytes: number
}

/** What intakes need of their node. */
export interface IntakeHost {
  readonly settings: IntakeSettings
  /** For what connections have sent before their `connected`, together. */
  readonly earlyRoom: Room
  limiter(name: IntakeLimit): RateLimiter<string | number>
  /** What the connections of a network address may send together, by the prefixes that it lies in. */
  bytesOfAddress(address: string): readonly RateBucket[]
  rateLimited(limit: string): void
}

/** Whoever has this part of their own bytes left goes on while their network address owes some: 768 KiB are used then. */
const FRUGAL = 15 / 16

/** Why a frame is refused for now. */
export interface Haste {
  readonly limit: string
  readonly retryAfterMs: number
}

/**
 * What one connection may send, in frames and bytes: a little before its `connected`, then what its device has left. Who
 * sends more than the limit has sends refused for now; who goes on nevertheless, by as much again, is closed.
 */
export class Intake {
  readonly #host: IntakeHost
  readonly #address: string
  /** Of the device; undefined: it is not known yet. */
  #key: number | undefined
  #open = false
  #earlyBytes = 0
  #earlyFrames = 0
  /** Of those, what takes room. */
  #keptBytes = 0
  /** The highest acknowledgement so far. */
  #acknowledged = 0
  #haste: Haste | undefined
  #buckets: Partial<Record<IntakeLimit, RateBucket>> | undefined
  #bytesOfAddress: readonly RateBucket[] | undefined

  /** @param address of the other end of the connection */
  constructor(host: IntakeHost, address: string) {
    this.#host = host
    this.#address = address
  }

  /** The token was good. Returns why the session must wait, if it must: also for what the device still owes. */
  identify(key: number): Haste | undefined {
    this.#key = key
    return this.#owed('frames') ?? this.#owed('bytesIn') ?? this.#owedWithOthers() ?? this.take('connect')
  }

  /** The session is there: from now on the buckets of the device count. */
  open(): void {
    this.#open = true
    this.close()
  }

  /** Frees the room. */
  close(): void {
    this.#host.earlyRoom.free(this.#keptBytes)
    this.#keptBytes = 0
  }

  /** Whether a message of so many bytes may be read. */
  admits(bytes: number): boolean {
    const isAddressOver = this.#oweWithOthers(bytes) > 0
    if (this.#open) {
      const bucket = this.#bucket('bytesIn')
      if (!bucket.owe(bytes)) return this.#over('bytesIn')
      if (!isAddressOver || bucket.left >= FRUGAL) return true
      // Else it would be back at once, with the next part of a flood.
      bucket.drain()
      return this.#over('bytesInPerAddress')
    }
    this.#earlyBytes += bytes
    return this.#earlyBytes <= this.#host.settings.earlyBytes || this.#over('earlyBytes')
  }

  /** Whether a WebSocket ping, or a pong that nobody asked for, may come. */
  admitsControl(): boolean {
    if (this.#open) return this.#bucket('frames').owe() || this.#over('frames')
    return ++this.#earlyFrames <= this.#host.settings.earlyFrames || this.#over('earlyFrames')
  }

  /** Whether frames may be kept until the session is there, of a message of so many bytes. */
  keeps(frames: readonly ClientFrame[], bytes: number): boolean {
    this.#earlyFrames += frames.length
    if (this.#earlyFrames > this.#host.settings.earlyFrames) return this.#over('earlyFrames')
    if (frames.length === 0) return true
    if (!this.#host.earlyRoom.take(bytes)) return this.#over('earlyBytesInAll')
    this.#keptBytes += bytes
    return true
  }

  /**
   * Whether the frames of a message may be handled. An acknowledgement of more than before costs nothing: the server
   * itself says how many of them there are.
   */
  admitsFrames(frames: readonly ClientFrame[]): boolean {
    let count = frames.length === 0 ? 1 : 0
    for (const frame of frames) {
      if (frame.type === 'ack' && frame.upTo > this.#acknowledged) this.#acknowledged = frame.upTo
      else count++
    }
    const bucket = this.#bucket('frames')
    if (count > 0 && !bucket.owe(count)) return this.#over('frames')
    this.#haste = hasteOf('frames', bucket) ?? hasteOf('bytesIn', this.#bucket('bytesIn'))
    return true
  }

  /** Why a send is refused for now; undefined: it is not. */
  refuse(frame: SendFrame): Haste | undefined {
    const haste = this.#haste
    if (haste !== undefined) {
      this.#host.rateLimited(haste.limit)
      return haste
    }
    // What receipts cost is counted where it is known how many devices get them.
    return isReceipt(frame.kind) ? undefined : this.take('send')
  }

  /** Takes from a bucket of the device, or says how long it must wait. */
  take(limit: IntakeLimit, tokens = 1): Haste | undefined {
    const decision = this.#bucket(limit).take(tokens)
    if (decision.ok) return undefined
    this.#host.rateLimited(limit)
    return { limit, retryAfterMs: decision.retryAfterMs }
  }

  #owed(limit: IntakeLimit): Haste | undefined {
    const bucket = this.#bucket(limit)
    bucket.owe(0)
    const haste = hasteOf(limit, bucket)
    if (haste !== undefined) this.#host.rateLimited(limit)
    return haste
  }

  /** Why the device must wait for what its network address owes: one that has sent little need not. */
  #owedWithOthers(): Haste | undefined {
    const retryAfterMs = this.#oweWithOthers(0)
    if (retryAfterMs === 0 || this.#bucket('bytesIn').left >= FRUGAL) return undefined
    this.#over('bytesInPerAddress')
    return { limit: 'bytesInPerAddress', retryAfterMs }
  }

  /** Counts bytes for the network address, too. Returns for how many ms it owes some. */
  #oweWithOthers(bytes: number): number {
    let owedMs = 0
    this.#bytesOfAddress ??= this.#host.bytesOfAddress(this.#address)
    for (const bucket of this.#bytesOfAddress) {
      bucket.owe(bytes)
      owedMs = Math.max(owedMs, bucket.owedMs)
    }
    return owedMs
  }

  #bucket(limit: IntakeLimit): RateBucket {
    const buckets = (this.#buckets ??= {})
    return (buckets[limit] ??= this.#host.limiter(limit).bucket(this.#key ?? 0))
  }

  #over(limit: string): false {
    this.#host.rateLimited(limit)
    return false
  }
}

function hasteOf(limit: IntakeLimit, bucket: RateBucket): Haste | undefined {
  const { owedMs } = bucket
  return owedMs === 0 ? undefined : { limit, retryAfterMs: owedMs }
}
