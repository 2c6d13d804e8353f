import { Kind } from '../../proto/frames.ts'
import type { ClientFrame, SendFrame, ServerFrame, WireEnvelope } from '../../proto/frames.ts'
import { encodeTyping } from '../../client/typing.ts'
import { Device } from './device.ts'
import {
  acceptedMs,
  deliveredMs,
  deliveryMs,
  errors,
  messagesReceived,
  messagesSent,
  readMs,
  typingReceived,
} from './metrics.ts'
import { type Account, settings } from './settings.ts'
import { decodeStamp, encodeStamp } from './stamp.ts'

/** A message of its own of which not all is known. Receipts have no order among themselves, nor with ✓. */
interface Life {
  readonly sentAt: number
  accepted: boolean
  delivered: boolean
  read: boolean
}

const TYPING = encodeTyping(true)

/**
 * One of two people who write to each other. What comes in one WebSocket message is answered by one: an `ack`, and a READ
 * about all its messages.
 */
export class ChatPartner {
  readonly device: Device
  readonly #peer: number
  readonly #lives = new Map<string, Life>()
  /** The ids of READs without ✓. */
  readonly #reads = new Set<string>()
  #sent = 0
  #received = 0
  #unanswered = 0

  constructor(account: Account, peer: Account) {
    this.#peer = peer.user
    this.device = new Device(account, { frames: (frames) => this.#onFrames(frames) })
  }

  /** Messages of the other one, each counted once. */
  get received(): number {
    return this.#received
  }

  /** All that was written has ✓, ✓✓ and READ, and what was read has been reported. */
  get isSettled(): boolean {
    return this.#lives.size === 0 && this.#reads.size === 0
  }

  typing(): void {
    this.device.send([{ type: 'signal', to: { user: this.#peer, device: 0 }, payload: TYPING }])
  }

  write(): void {
    const sentAt = Date.now()
    const payload = encodeStamp({ sentAt, index: this.#sent++ }, settings.payloadBytes)
    const frame = this.#frame(Kind.MESSAGE, { copies: [{ device: 1, registrationId: 0, payload }] })
    this.#lives.set(frame.id, { sentAt, accepted: false, delivered: false, read: false })
    messagesSent.add(1)
    this.device.send([{ ...frame, urgent: true, first: this.#unanswered++ === 0 }])
  }

  #frame(kind: Kind, more: Pick<Partial<SendFrame>, 'copies' | 'about'>): SendFrame {
    const id = crypto.randomUUID()
    const plain = { copies: [], about: [], urgent: false, ttl: 0, first: false }
    return { type: 'send', id, to: this.#peer, kind, ...plain, ...more }
  }

  #onFrames(frames: readonly ServerFrame[]): void {
    let upTo = 0
    const about: string[] = []
    for (const frame of frames) {
      if (frame.type === 'accepted') this.#onAccepted(frame.id, frame.delivered.length > 0)
      if (frame.type === 'signal') typingReceived.add(1)
      if (frame.type !== 'deliver') continue
      upTo = frame.seq
      const { envelope } = frame
      if (envelope.kind === Kind.MESSAGE) {
        this.#onMessage(envelope)
        about.push(envelope.id)
      }
      for (const id of envelope.about) this.#onReceipt(id, envelope.kind)
    }
    if (upTo === 0) return
    const answer: ClientFrame[] = [{ type: 'ack', upTo }]
    if (about.length > 0) {
      const read = this.#frame(Kind.READ, { about })
      this.#reads.add(read.id)
      answer.push(read)
    }
    this.device.send(answer)
  }

  #onAccepted(id: string, delivered: boolean): void {
    if (this.#reads.delete(id)) return
    const life = this.#lives.get(id)
    if (life === undefined || life.accepted) return this.device.fail('accepted what was not waiting for it')
    life.accepted = true
    this.#unanswered--
    errors.add(false)
    acceptedMs.add(Date.now() - life.sentAt)
    if (delivered) this.#onDelivered(life)
    this.#settle(id, life)
  }

  #onMessage({ payload }: WireEnvelope): void {
    const { sentAt, index } = decodeStamp(payload)
    if (index !== this.#received) this.device.fail(`Message ${index} came where ${this.#received} was due`)
    if (index < this.#received) return
    this.#received = index + 1
    messagesReceived.add(1)
    deliveryMs.add(Date.now() - sentAt)
  }

  #onReceipt(id: string, kind: Kind): void {
    const life = this.#lives.get(id)
    if (life === undefined) return
    if (kind === Kind.DELIVERED) this.#onDelivered(life)
    if (kind === Kind.READ && !life.read) {
      life.read = true
      readMs.add(Date.now() - life.sentAt)
    }
    this.#settle(id, life)
  }

  #onDelivered(life: Life): void {
    if (life.delivered) return
    life.delivered = true
    deliveredMs.add(Date.now() - life.sentAt)
  }

  #settle(id: string, { accepted, delivered, read }: Life): void {
    if (accepted && delivered && read) this.#lives.delete(id)
  }
}
