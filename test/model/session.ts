import type { NotTaken } from '../../src/actors/batch.ts'
import type { ChainEffects } from '../../src/actors/chain.ts'
import type { Conversation } from '../../src/actors/conversation.ts'
import type { FinalOutcome, Route } from '../../src/actors/route.ts'
import type { Copy, Sending, SendingEffects } from '../../src/actors/sending.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import { stampMs } from '../../src/shared/ids.ts'
import type { Address, MessageId } from '../../src/shared/ids.ts'
import { SENDER, addressOf, describe, makeMessage, makeReceipt } from './devices.ts'
import type { Socket } from './socket.ts'
import type { World } from './world.ts'

/** A send that was taken. */
interface Taken {
  readonly message: number
  readonly messageId: MessageId
}

type Item = Copy<Taken>

/** ms. */
const EXPIRES_AFTER = 3_000
const RETENTION = 30 * 24 * 3_600_000

/** The sending side of a session: a conversation with the recipient, and ✓ when every copy is accepted. */
export class Session implements ChainEffects<Item>, SendingEffects<Taken> {
  /** Sends that were taken and not answered. */
  unanswered = 0
  readonly #world: World
  readonly #socket: Socket
  #floor: bigint
  readonly #conversation: Conversation<Item>

  constructor(world: World, socket: Socket, floor: bigint) {
    this.#world = world
    this.#socket = socket
    this.#floor = floor
    this.#conversation = new world.cores.Conversation<Item>(addressOf(1).user, this)
  }

  /** Takes a send; it leaves with the next `launch`. */
  send(message: number, first: boolean): void {
    if (!this.#conversation.admit(first)) {
      this.#world.count.refusedBack++
      return this.#socket.say({ type: 'error', message, full: false })
    }
    const { recipients, expiry } = this.#world.config
    const messageId = this.#socket.node.stamp(this.#floor)
    if (messageId === undefined) {
      this.#conversation.goBack()
      return this.#socket.say({ type: 'error', message, full: false })
    }
    if (messageId > this.#floor) this.#floor = messageId
    const sentAt = stampMs(messageId)
    const expiresAt = sentAt + (expiry && message % 2 === 0 ? EXPIRES_AFTER : RETENTION)
    const sending = new this.#world.cores.Sending({ message, messageId }, recipients, false, this.#conversation, this)
    this.unanswered++
    for (let device = 1; device <= recipients; device++) {
      const envelope = makeMessage(messageId, device, message, sentAt, expiresAt)
      this.#conversation.add(envelope.to.device, { envelope, sending })
    }
  }

  launch(): void {
    this.#conversation.launch()
  }

  /** Nobody listens any more: what waits for its turn may be dropped. */
  close(): void {
    if (!this.#world.config.dropWaiting) return
    for (const { envelope, sending } of this.#conversation.refuse()) sending.answered(envelope.to.device, 'refused')
  }

  route(route: Route): void {
    this.#socket.node.route(route)
  }

  append(envelope: Envelope, route: Route, index: number): NotTaken | undefined {
    return this.#socket.node.append(envelope, route, index)
  }

  wake(to: Address): void {
    this.#socket.node.wake(to)
  }

  answered({ envelope, sending }: Item, outcome: FinalOutcome): void {
    if (this.#world.verbose)
      this.#world.log(`session of socket ${this.#socket.index}: ${describe(envelope)} ${outcome}`)
    if (outcome === 'refused') this.#world.count.refused++
    sending.answered(envelope.to.device, outcome)
  }

  expire(sending: Sending<Taken>): void {
    const { message } = sending.send
    const { node } = this.#socket
    let left = sending.full.length
    let told = true
    const listener = {
      answered: (_route: Route, _index: number, outcome: FinalOutcome) => {
        if (outcome === 'refused') told = false
        if (--left === 0) sending.expired(told)
      },
    }
    for (const device of sending.full) {
      const stamp = node.stamp(0n)
      if (stamp === undefined) {
        told = false
        if (--left === 0) sending.expired(told)
        continue
      }
      this.#world.expireAtOnce(message, device)
      const envelope = makeReceipt(stamp, device, [String(message)], true)
      node.route(new this.#world.cores.Route(addressOf(SENDER), [envelope], undefined, listener, node))
    }
  }

  ended({ send, delivered }: Sending<Taken>, notTaken: NotTaken | undefined): void {
    this.unanswered--
    const { message, messageId } = send
    if (notTaken === 'full') this.#world.count.refusedFull++
    if (notTaken === undefined) this.#socket.say({ type: 'accepted', message, messageId, delivered })
    else this.#socket.say({ type: 'error', message, full: notTaken === 'full' })
  }
}
