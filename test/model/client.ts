import { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Node } from './node.ts'
import type { ServerFrame, Socket } from './socket.ts'
import type { World } from './world.ts'

/** One installed app: it keeps one socket, and its memory outlives all of them. */
export abstract class Client {
  readonly device: number
  socket: Socket | undefined
  /** It was told that a newer session exists, and connects no more. */
  terminal = false
  protected readonly world: World
  #connections = 0

  constructor(world: World, device: number) {
    this.world = world
    this.device = device
  }

  connect(node: Node): void {
    const socket = this.world.open(this.device, ++this.#connections, node)
    this.socket = socket
    socket.toServer.push({ type: 'connect', floor: this.floor() })
    this.connecting()
  }

  /** Takes the next frame of a socket, which may be one that it has left. */
  read(socket: Socket): void {
    const frame = socket.toClient.shift()
    if (frame === undefined) return
    if (frame.type === 'close') {
      if (this.socket !== socket) return
      this.socket = undefined
      socket.left = true
      this.terminal ||= frame.replaced
    } else if (frame.type === 'caughtUp') {
      socket.caughtUp++
      if (socket.caughtUp > 1) this.world.violate('G5', 'caughtUp twice in a session')
      this.caughtUp(socket)
    } else if (frame.type === 'deliver') {
      socket.received = frame.seq
      if (frame.envelope.kind !== Kind.DEVICE_EVENT) this.received(frame.envelope)
    } else {
      socket.unanswered.delete(frame.message)
      this.answered(socket, frame)
    }
  }

  acknowledge(): void {
    const { socket } = this
    if (socket === undefined) return
    socket.acknowledged = socket.received
    socket.toServer.push({ type: 'ack', upTo: socket.received })
  }

  /** What is on the wire is lost, or the server reads it later. */
  leave(wireLost: boolean): void {
    const { socket } = this
    if (socket === undefined) return
    socket.left = true
    this.socket = undefined
    if (wireLost) socket.toServer.length = 0
  }

  protected floor(): bigint {
    return 0n
  }

  protected connecting(): void {}
  protected caughtUp(_socket: Socket): void {}
  protected answered(_socket: Socket, _frame: ServerFrame & { type: 'accepted' | 'error' }): void {}
  protected abstract received(envelope: Envelope): void
}

/** Displays each message once, and watches that they come in order. */
export class Recipient extends Client {
  readonly displayed = new Set<number>()
  #last = 0

  protected override received(envelope: Envelope): void {
    const message = Number(envelope.id)
    if (this.displayed.has(message)) {
      this.world.count.duplicate++
      return
    }
    this.displayed.add(message)
    if (this.world.verbose) this.world.log(`device ${this.device} displays m${message}`)
    // One that expired and was sent again has lost its place.
    if (this.world.mayExpire(message) || this.world.hasExpiredAtOnce(message, this.device)) return
    if (message < this.#last) this.world.violate('G3', `m${message} displayed after m${this.#last}`)
    this.#last = message
  }

  protected override caughtUp(socket: Socket): void {
    for (const message of socket.due) {
      if (this.displayed.has(message) || this.world.mayExpire(message)) continue
      if (this.world.hasExpiredAtOnce(message, this.device)) continue
      this.world.violate('G5', `caughtUp before m${message}, which was accepted before the connect`)
    }
  }
}

/** What the sender remembers of one of its messages. */
export interface Sent {
  readonly number: number
  accepted: boolean
  /** In the socket of now, and not refused. */
  sent: boolean
  /** Devices that will never have it. */
  readonly expired: Set<number>
  readonly delivered: Set<number>
}

/** Sends in order, and after an error resends from the refused message on, when everything else is answered. */
export class Sender extends Client {
  readonly messages: Sent[] = []
  #floor = 0n
  #holds = false
  /** The recipient's mailbox was full. */
  #putsOff = false

  compose(): void {
    const number = this.messages.length + 1
    this.messages.push({ number, accepted: false, sent: false, expired: new Set(), delivered: new Set() })
  }

  /** It has something to send, and may. */
  get ready(): boolean {
    if (this.socket === undefined || this.#putsOff || (this.#holds && this.socket.unanswered.size > 0)) return false
    return this.messages.some(({ accepted, sent }) => !accepted && !sent)
  }

  get puttingOff(): boolean {
    return this.#putsOff
  }

  retry(): void {
    this.#putsOff = false
  }

  send(glued: boolean): void {
    const message = this.messages.find(({ accepted, sent }) => !accepted && !sent)
    if (this.socket === undefined || message === undefined) return
    this.#holds = false
    const first = this.socket.unanswered.size === 0
    message.sent = true
    this.socket.unanswered.add(message.number)
    this.socket.toServer.push({ type: 'send', message: message.number, first, glued })
  }

  protected override floor(): bigint {
    return this.#floor
  }

  protected override connecting(): void {
    for (const message of this.messages) if (!message.accepted) message.sent = false
  }

  protected override answered(socket: Socket, frame: ServerFrame & { type: 'accepted' | 'error' }): void {
    const message = this.messages[frame.message - 1]!
    if (frame.type === 'accepted') {
      message.accepted = true
      if (frame.messageId > this.#floor) this.#floor = frame.messageId
      for (const device of frame.delivered) message.delivered.add(device)
      if (this.world.verbose) this.world.log(`m${message.number} is accepted`)
    } else if (socket === this.socket && !message.accepted) {
      message.sent = false
      this.#holds = true
      this.#putsOff ||= frame.full
    }
  }

  protected override received(envelope: Envelope): void {
    for (const id of envelope.about) {
      const message = this.messages[Number(id) - 1]!
      if (envelope.kind === Kind.EXPIRED) message.expired.add(envelope.from.device)
      else message.delivered.add(envelope.from.device)
    }
  }
}
