import { equal } from '../../../client/crypto/bytes.ts'
import type { Kind, SendFrame, WireAddress, WireEnvelope } from '../../../proto/frames.ts'
import { envelopeOf } from './scripted.ts'
import type { WireEnd } from './wire.ts'

/** The server's part in messages, in the hands of a test: keeps what is not acknowledged, accepts whatever comes. */
export class Mailbox {
  /** What the client sent, by client id, as it came first. */
  readonly sent = new Map<string, SendFrame>()
  /** Ids that came again in other bytes. */
  readonly conflicts: string[] = []
  #pending: WireEnvelope[] = []
  #end: WireEnd | undefined
  #read = 0
  #delivered: WireEnvelope[] = []
  #waiting: WireEnvelope[] = []
  #messageId = 100n

  put(number: number, from: WireAddress, payload: Uint8Array): void {
    const envelope = envelopeOf(number, from, payload)
    this.#pending.push(envelope)
    this.#waiting.push(envelope)
  }

  /** Everything was acknowledged. */
  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  /** Begins a session: whatever was not acknowledged comes again. */
  begin(end: WireEnd): void {
    this.#end = end
    this.#read = 0
    this.#delivered = []
    this.#waiting = [...this.#pending]
  }

  /** Nothing that the client says any more is heard. */
  cut(): void {
    this.#end = undefined
  }

  /** Answers what has come, and delivers what waits. Returns the sends that are new. */
  pump(): SendFrame[] {
    const end = this.#end
    if (end === undefined) return []
    for (const envelope of this.#waiting.splice(0)) {
      this.#delivered.push(envelope)
      end.say({ type: 'deliver', seq: this.#delivered.length, envelope })
    }
    const fresh: SendFrame[] = []
    for (const frame of end.frames.slice(this.#read)) {
      this.#read += 1
      if (frame.type === 'ack') {
        const done = new Set(this.#delivered.slice(0, frame.upTo))
        this.#pending = this.#pending.filter((envelope) => !done.has(envelope))
      }
      if (frame.type !== 'send') continue
      if (this.#take(frame)) fresh.push(frame)
      end.say({ type: 'accepted', id: frame.id, messageId: (this.#messageId += 1n), at: 9, delivered: [] })
    }
    return fresh
  }

  #take(frame: SendFrame): boolean {
    const before = this.sent.get(frame.id)
    if (before === undefined) {
      this.sent.set(frame.id, frame)
      return true
    }
    const same = frame.copies.every(({ payload }, i) => equal(payload, before.copies[i]?.payload ?? new Uint8Array(0)))
    if (!same || frame.copies.length !== before.copies.length) this.conflicts.push(frame.id)
    return false
  }

  /** The sends of one kind. */
  of(kind: Kind): SendFrame[] {
    return [...this.sent.values()].filter((frame) => frame.kind === kind)
  }
}
