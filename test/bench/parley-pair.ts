import { randomUUID } from 'node:crypto'
import { Kind } from '../../proto/frames.ts'
import type { ClientFrame, SendFrame, ServerFrame } from '../../proto/frames.ts'
import { DelayLine } from './delay-line.ts'
import { Device } from './device.ts'
import type { Load, OpenOptions, PairOfAccounts } from './load.ts'
import type { Pair } from './pair.ts'
import type { Tally } from './tally.ts'

/** A message under way. */
interface Life {
  readonly sentAt: number
  accepted: boolean
  displayed: boolean
  received: boolean
  read: boolean
}

/** The reader's answer to one WebSocket message. */
interface Answer {
  readonly upTo: number
  readonly ids: readonly string[]
}

const NO_PAYLOAD = new Uint8Array(0)

/**
 * Two devices of Parley. What comes in one WebSocket message is answered by one: the reader sends one `ack` and one READ
 * about all its messages, as the SDK does; the author sends one `ack` and as many new messages as were read. With a
 * delay, the reader's answer and the author's `ack` come that much later; new messages never wait.
 */
export class ParleyPair implements Pair {
  readonly #tally: Tally
  readonly #payload: Uint8Array
  readonly #lives = new Map<string, Life>()
  #author!: Device
  #reader!: Device
  #load: Load | undefined
  #sending = false
  #unanswered = 0
  #readsUnanswered = 0
  #authorAcks: DelayLine<number> | undefined
  #readerAnswers: DelayLine<Answer> | undefined

  private constructor(payload: Uint8Array, tally: Tally) {
    this.#payload = payload
    this.#tally = tally
  }

  static async open(
    { authorUrl, readerUrl }: Pick<OpenOptions, 'authorUrl' | 'readerUrl'>,
    { author, reader }: PairOfAccounts,
    payload: Uint8Array,
    tally: Tally,
  ): Promise<ParleyPair> {
    const pair = new ParleyPair(payload, tally)
    const onClosed = (code: number): void => tally.unexpected(`a session was closed with ${code}`)
    ;[pair.#author, pair.#reader] = await Promise.all([
      Device.connect({
        url: authorUrl,
        account: author,
        onFrames: (frames) => pair.#onAuthorFrames(frames),
        onClosed,
      }),
      Device.connect({
        url: readerUrl,
        account: reader,
        onFrames: (frames) => pair.#onReaderFrames(frames),
        onClosed,
      }),
    ])
    return pair
  }

  get idle(): boolean {
    return this.#lives.size === 0 && this.#readsUnanswered === 0
  }

  start(load: Load): void {
    this.#load = load
    this.#sending = load.perSecond === undefined
    const { ackDelayMs } = load
    if (ackDelayMs > 0) {
      this.#authorAcks = new DelayLine(ackDelayMs, (upTo) => this.#send(this.#author, [{ type: 'ack', upTo }]))
      this.#readerAnswers = new DelayLine(ackDelayMs, (answer) => this.#answer(answer))
    }
    if (this.#sending) this.#send(this.#author, this.#messages(load.window))
  }

  sendOne(): void {
    this.#send(this.#author, this.#messages(1))
  }

  stop(): void {
    this.#sending = false
  }

  #messages(count: number): SendFrame[] {
    const sentAt = performance.now()
    return Array.from({ length: count }, () => {
      const id = randomUUID()
      this.#lives.set(id, { sentAt, accepted: false, displayed: false, received: false, read: false })
      this.#tally.counts.sent++
      return {
        type: 'send',
        id,
        to: this.#reader.user,
        kind: Kind.MESSAGE,
        copies: [{ device: 1, registrationId: 0, payload: this.#payload }],
        about: [],
        urgent: true,
        ttl: 0,
        first: this.#unanswered++ === 0,
      }
    })
  }

  #onAuthorFrames(frames: readonly ServerFrame[]): void {
    this.#tally.counts.messagesOut++
    let upTo = 0
    let finished = 0
    for (const frame of frames) {
      if (frame.type === 'accepted') {
        this.#accepted(frame.id, frame.delivered.length > 0)
      } else if (frame.type === 'deliver') {
        upTo = frame.seq
        const { kind, about } = frame.envelope
        for (const id of about) if (this.#receipt(id, kind)) finished++
      } else if (frame.type !== 'caughtUp') {
        this.#tally.unexpected(frame.type === 'error' ? `${frame.code}: ${frame.message}` : frame.type)
      }
    }
    const answer: ClientFrame[] = this.#sending ? this.#messages(finished) : []
    if (upTo > 0) {
      if (this.#load?.ackDelayMs === 0) answer.unshift({ type: 'ack', upTo })
      else this.#authorAcks?.add(upTo)
    }
    if (answer.length > 0) this.#send(this.#author, answer)
  }

  #accepted(id: string, elided: boolean): void {
    const life = this.#lives.get(id)
    if (life === undefined || life.accepted) return this.#tally.unexpected('accepted what was not waiting for it')
    life.accepted = true
    this.#unanswered--
    this.#tally.acceptedAfter(performance.now() - life.sentAt)
    if (elided) {
      this.#tally.counts.elided++
      if (life.received) this.#tally.counts.repeated++
      this.#received(life)
    }
    this.#settle(id, life)
  }

  /** True: the message is read, for the first time. */
  #receipt(id: string, kind: Kind): boolean {
    const life = this.#lives.get(id)
    if (kind === Kind.DELIVERED && life?.received !== false) {
      this.#tally.counts.repeated++
      return false
    }
    if (kind === Kind.READ && life?.read !== false) {
      this.#tally.counts.twice++
      return false
    }
    if (life === undefined || (kind !== Kind.READ && kind !== Kind.DELIVERED)) {
      this.#tally.unexpected(`a receipt of kind ${kind}`)
      return false
    }
    if (kind === Kind.DELIVERED) {
      this.#received(life)
    } else {
      life.read = true
      this.#tally.counts.read++
    }
    this.#settle(id, life)
    return kind === Kind.READ
  }

  #received(life: Life): void {
    if (life.received) return
    life.received = true
    this.#tally.counts.received++
  }

  #settle(id: string, life: Life): void {
    if (life.accepted && life.received && life.read) this.#lives.delete(id)
  }

  #onReaderFrames(frames: readonly ServerFrame[]): void {
    this.#tally.counts.messagesOut++
    let upTo = 0
    const ids: string[] = []
    const now = performance.now()
    for (const frame of frames) {
      if (frame.type === 'deliver') {
        upTo = frame.seq
        const { id } = frame.envelope
        const life = this.#lives.get(id)
        if (life === undefined || life.displayed) {
          this.#tally.counts.twice++
          continue
        }
        life.displayed = true
        this.#tally.deliveredAfter(now - life.sentAt)
        ids.push(id)
      } else if (frame.type === 'accepted') {
        this.#readsUnanswered--
        this.#tally.counts.readsAccepted++
      } else if (frame.type !== 'caughtUp') {
        this.#tally.unexpected(frame.type === 'error' ? `${frame.code}: ${frame.message}` : frame.type)
      }
    }
    if (upTo === 0) return
    const answer = { upTo, ids }
    if (this.#load?.ackDelayMs === 0) this.#answer(answer)
    else this.#readerAnswers?.add(answer)
  }

  #answer({ upTo, ids }: Answer): void {
    const frames: ClientFrame[] = [{ type: 'ack', upTo }]
    if (ids.length > 0) {
      const to = this.#author.user
      frames.push({
        type: 'send',
        id: randomUUID(),
        to,
        kind: Kind.READ,
        copies: [],
        about: ids,
        urgent: false,
        ttl: 0,
        first: false,
      })
      this.#readsUnanswered++
      this.#tally.counts.readsSent++
    }
    this.#send(this.#reader, frames)
  }

  #send(device: Device, frames: readonly ClientFrame[]): void {
    this.#tally.counts.messagesIn++
    device.send(frames)
  }
}

/** A payload as large as asked for. */
export function makePayload(bytes: number): Uint8Array {
  return bytes === 0 ? NO_PAYLOAD : crypto.getRandomValues(new Uint8Array(bytes))
}
