import type { ChainEffects } from '../../src/actors/chain.ts'
import type { Conversation } from '../../src/actors/conversation.ts'
import type { FinalOutcome, Route } from '../../src/actors/route.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import { stampMs } from '../../src/shared/ids.ts'
import type { Address, MessageId } from '../../src/shared/ids.ts'
import { addressOf, describe, makeMessage } from './devices.ts'
import type { Socket } from './socket.ts'
import type { World } from './world.ts'

/** A send that was taken; it is answered when each copy is. */
interface Sending {
  readonly message: number
  readonly messageId: MessageId
  readonly delivered: number[]
  left: number
  refused: boolean
}

/** One copy of a send. */
interface Item {
  readonly envelope: Envelope
  readonly sending: Sending
}

/** ms. */
const EXPIRES_AFTER = 3_000
const RETENTION = 30 * 24 * 3_600_000

/** The sending side of a session: a conversation with the recipient, and ✓ when every copy is accepted. */
export class Session implements ChainEffects<Item> {
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
      return this.#socket.say({ type: 'error', message })
    }
    const { recipients, expiry } = this.#world.config
    const messageId = this.#socket.node.stamp(this.#floor)
    if (messageId === undefined) {
      this.#conversation.goBack()
      return this.#socket.say({ type: 'error', message })
    }
    if (messageId > this.#floor) this.#floor = messageId
    const sentAt = stampMs(messageId)
    const expiresAt = sentAt + (expiry && message % 2 === 0 ? EXPIRES_AFTER : RETENTION)
    const sending: Sending = { message, messageId, delivered: [], left: recipients, refused: false }
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
    for (const { sending } of this.#conversation.refuse()) this.#copyDone(sending, 'refused')
  }

  route(route: Route): void {
    this.#socket.node.route(route)
  }

  append(envelope: Envelope, route: Route, index: number): boolean {
    return this.#socket.node.append(envelope, route, index)
  }

  wake(to: Address): void {
    this.#socket.node.wake(to)
  }

  answered({ envelope, sending }: Item, outcome: FinalOutcome): void {
    if (this.#world.verbose)
      this.#world.log(`session of socket ${this.#socket.index}: ${describe(envelope)} ${outcome}`)
    if (outcome === 'delivered') sending.delivered.push(envelope.to.device)
    if (outcome === 'refused') {
      this.#world.count.refused++
      for (const item of this.#conversation.refuse()) this.#copyDone(item.sending, 'refused')
    }
    this.#copyDone(sending, outcome)
  }

  #copyDone(sending: Sending, outcome: FinalOutcome): void {
    if (outcome === 'refused') sending.refused = true
    sending.left--
    if (sending.left < 0) this.#world.violate('ANSWER', `a copy of m${sending.message} is answered twice`)
    if (sending.left !== 0) return
    this.unanswered--
    const { message, messageId, delivered } = sending
    if (sending.refused) this.#socket.say({ type: 'error', message })
    else this.#socket.say({ type: 'accepted', message, messageId, delivered })
  }
}
