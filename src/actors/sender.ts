import { Kind } from '../../proto/frames.ts'
import type { ErrorFrame, SendFrame } from '../../proto/frames.ts'
import { isClientId, MAX_ABOUT, MAX_COPIES, MAX_PAYLOAD_BYTES } from '../../proto/limits.ts'
import type { Clock } from '../shared/clock.ts'
import { ROW_BYTES, isReceipt, receiptRowBytes } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import { addressKey, parseUserId } from '../shared/ids.ts'
import type { Address, DeviceId, MessageId, UserId } from '../shared/ids.ts'
import { nobodyIs } from '../shared/phone-number.ts'
import type { RateBucket, RateDecision, RateLimiter } from '../shared/rate-limit.ts'
import type { Refusal } from '../shared/refusal.ts'
import type { MessageStamps } from '../storage/message-stamps.ts'
import type { NotTaken } from './batch.ts'
import type { ChainEffects } from './chain.ts'
import type { Conversation } from './conversation.ts'
import { Conversations } from './conversations.ts'
import { Sending } from './sending.ts'
import type { Copy, SendingEffects } from './sending.ts'
import { compareDevices } from './device-difference.ts'
import type { DeviceList, Directory } from './directory.ts'
import type { ReceiptListener, Receipts } from './receipts.ts'
import type { FinalOutcome, Route } from './route.ts'
import type { Router } from './router.ts'

/** Why a send was not taken. */
export interface SendRefusal extends Refusal {
  readonly details?: NonNullable<ErrorFrame['details']>
}

/** Whoever the sender works for: each send is answered once. */
export interface SenderListener {
  accepted(id: string, messageId: MessageId, at: number, delivered: readonly DeviceId[]): void
  refused(id: string, refusal: SendRefusal): void
}

/** What a sender needs of its node. */
export interface SenderHost {
  readonly router: Router
  readonly receipts: Receipts
  readonly directory: Directory
  readonly stamps: MessageStamps
  readonly clock: Clock
  readonly gate: SendGate
  readonly lookups: LookupGate
  readonly events: SenderEvents
  /** Bytes that each device may send, by its address key: of receipts, and of all else. */
  readonly receiptBytes: RateLimiter<string | number>
  readonly sendBytes: RateLimiter<string | number>
  readonly settings: SenderSettings
}

export interface SenderEvents {
  /** ✓, so many ms after the stamp. */
  sendAccepted(ms: number): void
  /** A send was refused, since this node could make no stamp for it. */
  unstamped(): void
  rateLimited(limit: string): void
}

/** What a node that has too much to do says of sends. Receipts pass. */
export interface SendGate {
  /** Some are refused: looked at for every send. */
  readonly shedding: boolean
  /** Whether one to this user is. `known`: nothing need be read to route it. */
  refuses(to: UserId, known: boolean): boolean
  /** What a client is told to wait after a refusal for want of room. */
  retryAfterMs(): number
}

/** Counts questions that tell whether a number is registered, by the user who asks. */
export interface LookupGate {
  spend(user: UserId): RateDecision
}

export interface SenderSettings {
  /** How long an envelope waits for its device, at most. */
  readonly retentionMs: number
  /** Sends of a session that are not answered yet, at most. */
  readonly unansweredSends: number
  readonly unansweredBytes: number
  /** What the sender of something for a full mailbox is told to wait. */
  readonly fullRetryAfterMs: number
  /** Users that a session has something on its way to, at most. */
  readonly conversations: number
}

/** What is kept of a send that was taken. */
interface Taken {
  readonly id: string
  readonly messageId: MessageId
  readonly at: number
  readonly to: UserId
  readonly bytes: number
  readonly tracked: boolean
}

type Item = Copy<Taken>

const NONE: readonly DeviceId[] = []

const CLIENT_KINDS: ReadonlySet<Kind> = new Set([Kind.MESSAGE, Kind.READ, Kind.PLAYED, Kind.STATUS, Kind.DEVICE_EVENT])

/** The sending side of one device: it checks what the device sends, keeps its order, and answers ✓. */
export class Sender implements ChainEffects<Item>, SendingEffects<Taken>, ReceiptListener<SendFrame> {
  readonly #self: Address
  readonly #host: SenderHost
  readonly #listener: SenderListener
  /** Stamps stay above it: the highest message id that the device has seen accepted, or that it was given here. */
  #floor: bigint
  readonly #conversations: Conversations<Item>
  /** Sends to users whose device list is being looked up, in order; undefined: here some were refused. */
  readonly #waiting = new Map<UserId, (SendFrame | undefined)[]>()
  readonly #launchable = new Set<Conversation<Item>>()
  readonly #buckets: Partial<Record<'sendBytes' | 'receiptBytes', RateBucket>> = {}
  #unanswered = 0
  #unansweredBytes = 0
  #closed = false

  constructor(self: Address, floor: bigint, host: SenderHost, listener: SenderListener) {
    this.#self = self
    this.#floor = floor
    this.#host = host
    this.#listener = listener
    this.#conversations = new Conversations(host.settings.conversations, this)
  }

  get unanswered(): number {
    return this.#unanswered
  }

  /** Takes a send, or refuses it. What is taken leaves with {@link launch}. */
  send(frame: SendFrame): void {
    const to = parseUserId(frame.to)
    const refusal = to === undefined ? badRequest('to.user is no user') : checkSend(frame)
    if (to === undefined || refusal !== undefined) return this.#refuse(frame, to, refusal ?? badRequest('to'))
    if (this.#host.gate.shedding && this.#isShed(frame, to)) {
      return this.#refuse(frame, to, this.#noRoom('This node has more to do than it can: try again later'))
    }
    if (this.#isOverloaded(frame)) {
      return this.#refuse(frame, to, this.#noRoom('Too many sends are unanswered: wait for some of them'))
    }
    const tooFast = isReceipt(frame.kind) ? undefined : this.#take('sendBytes', frameBytes(frame))
    if (tooFast !== undefined) return this.#refuse(frame, to, tooFast)
    this.#unanswered++
    this.#unansweredBytes += frameBytes(frame)
    if (isReceipt(frame.kind)) return this.#sendReceipt(frame, to)
    const waiting = this.#waiting.get(to)
    if (waiting !== undefined) return void waiting.push(frame)
    if (to !== this.#self.user && this.#conversations.find(to)?.known !== true) {
      const decision = this.#host.lookups.spend(this.#self.user)
      if (!decision.ok) return this.#refuseTaken(frame, to, tooManyLookups(decision.retryAfterMs))
    }
    const devices = this.#host.directory.peek(to)
    if (devices !== undefined) return this.#sendTo(devices, frame, to)
    this.#waiting.set(to, [frame])
    void this.#lookUp(to)
  }

  /** Sends on their way all that was taken since the last launch. */
  launch(): void {
    if (this.#launchable.size === 0) return
    for (const conversation of this.#launchable) conversation.launch()
    this.#launchable.clear()
  }

  /** Nobody listens any more. What is on its way goes on; what waits for its turn is dropped. */
  close(): void {
    this.#closed = true
    this.#conversations.close()
    this.#waiting.clear()
  }

  // What becomes of it.

  route(route: Route): void {
    this.#host.router.route(route)
  }

  append(envelope: Envelope, route: Route, index: number): NotTaken | undefined {
    return this.#host.router.append(envelope, route, index)
  }

  wake(to: Address): void {
    this.#host.router.wake(to)
  }

  answered({ envelope, sending }: Item, outcome: FinalOutcome): void {
    sending.answered(envelope.to.device, outcome)
  }

  /** Its devices that are full get no copy: the sender has that in writing before it is accepted. */
  expire(sending: Sending<Taken>): void {
    const { id, to, tracked } = sending.send
    if (!tracked) return sending.expired(true)
    let left = sending.full.length
    let told = true
    const listener = {
      receiptSent: (_item: unknown, outcome: NotTaken | undefined) => {
        if (outcome !== undefined) told = false
        if (--left === 0) sending.expired(told)
      },
    }
    for (const device of sending.full) {
      const receipt = { kind: Kind.EXPIRED, id: '', from: { user: to, device }, to: this.#self.user, about: [id] }
      this.#host.receipts.send(receipt, listener, undefined)
    }
  }

  ended({ send, delivered }: Sending<Taken>, notTaken: NotTaken | undefined): void {
    this.#done(send.bytes)
    if (this.#closed) return
    if (notTaken !== undefined) return this.#listener.refused(send.id, this.#refusalOf(notTaken, 'message'))
    this.#host.events.sendAccepted(this.#host.clock.now() - send.at)
    this.#listener.accepted(send.id, send.messageId, send.at, delivered)
  }

  /** It counts once for each mailbox, which gets a row. */
  admitsReceipt(frame: SendFrame, mailboxes: number): boolean {
    const tooFast = this.#take('receiptBytes', Math.max(1, mailboxes) * receiptRowBytes(frame.about.length))
    if (tooFast === undefined) return true
    this.#done(frameBytes(frame))
    if (!this.#closed) this.#listener.refused(frame.id, tooFast)
    return false
  }

  receiptSent(frame: SendFrame, notTaken: NotTaken | undefined, receipt: Envelope | undefined): void {
    this.#done(frameBytes(frame))
    if (this.#closed) return
    if (notTaken !== undefined) return this.#listener.refused(frame.id, this.#refusalOf(notTaken, 'receipt'))
    this.#listener.accepted(frame.id, receipt?.messageId ?? (0n as MessageId), receipt?.sentAt ?? 0, NONE)
  }

  #done(bytes: number): void {
    this.#unanswered--
    this.#unansweredBytes -= bytes
  }

  #sendReceipt(frame: SendFrame, to: UserId): void {
    const { kind, id, about } = frame
    this.#host.receipts.send({ kind, id, about, from: this.#self, to }, this, frame)
  }

  async #lookUp(to: UserId): Promise<void> {
    let devices: DeviceList | undefined
    try {
      devices = await this.#host.directory.find(to)
    } catch {
      devices = undefined
    }
    const frames = this.#waiting.get(to) ?? []
    this.#waiting.delete(to)
    if (this.#closed) return
    for (const frame of frames) {
      if (frame === undefined) this.#conversations.open(to)?.goBack()
      else if (devices !== undefined) this.#sendTo(devices, frame, to)
      else
        this.#refuseTaken(frame, to, { ...this.#noRoom('The recipient could not be looked up'), code: 'UNAVAILABLE' })
    }
    this.launch()
  }

  #sendTo(devices: DeviceList, frame: SendFrame, to: UserId): void {
    if (devices.length === 0) {
      return this.#refuseTaken(frame, undefined, { code: 'UNKNOWN_USER', message: nobodyIs(to) })
    }
    const conversation = this.#conversations.open(to)
    if (conversation !== undefined) conversation.known = true
    const own = to === this.#self.user ? this.#self.device : undefined
    const difference = compareDevices(devices, frame, own, this.#host.clock.now())
    if (difference !== undefined) {
      const message = 'The copies do not name the active devices of the recipient'
      return this.#refuseTaken(frame, to, { code: 'DEVICES_CHANGED', message, details: { devices: difference } })
    }
    if (conversation === undefined) {
      return this.#refuseTaken(frame, undefined, this.#noRoom('Too many recipients have something unanswered'))
    }
    if (!conversation.admit(frame.first)) {
      const message = 'An earlier send to this recipient was refused: resend from that one on, with "first"'
      return this.#refuseTaken(frame, undefined, { code: 'RESEND_FROM_FIRST', message })
    }
    this.#add(conversation, frame, to)
  }

  #add(conversation: Conversation<Item>, frame: SendFrame, to: UserId): void {
    const stamp = this.#host.stamps.next(this.#floor)
    if (stamp === undefined) {
      this.#host.events.unstamped()
      const message = 'This node cannot stamp messages now: try again, here or on another node'
      return this.#refuseTaken(frame, to, { ...this.#noRoom(message), code: 'UNAVAILABLE' })
    }
    if (stamp.messageId > this.#floor) this.#floor = stamp.messageId
    const { retentionMs } = this.#host.settings
    const waitMs = frame.ttl === 0 ? retentionMs : Math.min(frame.ttl * 1_000, retentionMs)
    const { id, kind, copies } = frame
    const { messageId, ms: at } = stamp
    const own = to === this.#self.user
    const tracked = !own && (kind === Kind.MESSAGE || kind === Kind.STATUS)
    const taken: Taken = { id, messageId, at, to, bytes: frameBytes(frame), tracked }
    const sending = new Sending(taken, copies.length, own, conversation, this)
    for (const copy of frame.copies) {
      const envelope: Envelope = {
        messageId: stamp.messageId,
        from: this.#self,
        to: { user: to, device: copy.device as DeviceId },
        kind: frame.kind,
        id: frame.id,
        payload: copy.payload,
        about: frame.about,
        urgent: frame.urgent,
        sentAt: stamp.ms,
        expiresAt: stamp.ms + waitMs,
      }
      conversation.add(envelope.to.device, { envelope, sending })
    }
    this.#launchable.add(conversation)
  }

  /** Refuses a send that is not to be looked at at all. */
  refuse(frame: SendFrame, refusal: SendRefusal): void {
    this.#refuse(frame, parseUserId(frame.to), refusal)
  }

  /** Refuses a frame that was counted as unanswered. */
  #refuseTaken(frame: SendFrame, to: UserId | undefined, refusal: SendRefusal): void {
    this.#done(frameBytes(frame))
    this.#refuse(frame, to, refusal)
  }

  /** Later sends to the same user must not pass one that was refused, for whatever reason. */
  #refuse(frame: SendFrame, to: UserId | undefined, refusal: SendRefusal): void {
    this.#listener.refused(frame.id, refusal)
    if (to === undefined || isReceipt(frame.kind)) return
    const waiting = this.#waiting.get(to)
    if (waiting === undefined) this.#conversations.open(to)?.goBack()
    else if (waiting.at(-1) !== undefined) waiting.push(undefined)
  }

  #isShed(frame: SendFrame, to: UserId): boolean {
    return !isReceipt(frame.kind) && this.#host.gate.refuses(to, this.#host.directory.peek(to) !== undefined)
  }

  #take(limit: 'sendBytes' | 'receiptBytes', bytes: number): SendRefusal | undefined {
    const bucket = (this.#buckets[limit] ??= this.#host[limit].bucket(addressKey(this.#self.user, this.#self.device)))
    const decision = bucket.take(bytes)
    if (decision.ok) return undefined
    this.#host.events.rateLimited(limit)
    const message = `More bytes are sent than the limit ${limit} allows`
    return { code: 'RATE_LIMITED', message, retryAfterMs: decision.retryAfterMs }
  }

  #isOverloaded(frame: SendFrame): boolean {
    const { unansweredSends, unansweredBytes } = this.#host.settings
    return this.#unanswered >= unansweredSends || this.#unansweredBytes + frameBytes(frame) > unansweredBytes
  }

  #refusalOf(notTaken: NotTaken, what: 'message' | 'receipt'): SendRefusal {
    if (notTaken === 'refused') return this.#noRoom(`The ${what} could not be stored now`)
    const { fullRetryAfterMs: retryAfterMs } = this.#host.settings
    return { code: 'MAILBOX_FULL', message: `The recipient's mailbox has no room for the ${what}`, retryAfterMs }
  }

  #noRoom(message: string): SendRefusal {
    return { code: 'OVERLOADED', message, retryAfterMs: this.#host.gate.retryAfterMs() }
  }
}

function checkSend(frame: SendFrame): SendRefusal | undefined {
  if (!isClientId(frame.id)) return badRequest('id must be a UUID')
  if (!CLIENT_KINDS.has(frame.kind)) return badRequest('this kind is not for clients to send')
  if (isReceipt(frame.kind)) {
    if (frame.copies.length > 0) return badRequest('a receipt has no copies')
    if (frame.about.length === 0) return badRequest('a receipt needs about')
    if (frame.about.length > MAX_ABOUT) return tooLarge(`about has ${MAX_ABOUT} ids at most`)
    return frame.about.every(isClientId) ? undefined : badRequest('about must hold UUIDs')
  }
  if (frame.about.length > 0) return badRequest('about is for receipts only')
  if (frame.copies.length === 0) return badRequest('copies are missing')
  if (frame.copies.length > MAX_COPIES) return tooLarge(`a send has ${MAX_COPIES} copies at most`)
  for (const { payload } of frame.copies) {
    if (payload.length === 0) return badRequest('payload is empty')
    if (payload.length > MAX_PAYLOAD_BYTES) return tooLarge(`a payload has ${MAX_PAYLOAD_BYTES} bytes at most`)
  }
  return undefined
}

function tooManyLookups(retryAfterMs: number): SendRefusal {
  return { code: 'RATE_LIMITED', message: 'Too many new conversations (limit lookups)', retryAfterMs }
}

function badRequest(message: string): SendRefusal {
  return { code: 'BAD_REQUEST', message }
}

function tooLarge(message: string): SendRefusal {
  return { code: 'TOO_LARGE', message }
}

/** About what a send holds in memory, and what its copies take as rows. */
function frameBytes(frame: SendFrame): number {
  let bytes = ROW_BYTES + 40 * frame.about.length
  for (const { payload } of frame.copies) bytes += ROW_BYTES + payload.length
  return bytes
}
