import type { WebSocket } from 'ws'
import type { Load } from './load.ts'
import type { Pair } from './pair.ts'
import { RelayKind, relaySizes, USER_AT } from './relay-frames.ts'
import { openSocket } from './socket.ts'
import type { Tally } from './tally.ts'

/** Two users of the relay, at window 1: one frame a WebSocket message, every one answered at once. */
export class RelayPair implements Pair {
  readonly #tally: Tally
  readonly #send: Buffer
  readonly #ack: Buffer
  readonly #read: Buffer
  #author!: WebSocket
  #reader!: WebSocket
  #sending = false
  #sentAt = 0
  /** Of the message under way: ✓, ✓✓ and READ, which it still waits for. */
  #missing = 0

  private constructor(author: number, payloadBytes: number, tally: Tally) {
    const sizes = relaySizes(payloadBytes)
    const reader = author + 1
    this.#send = makeMessage(RelayKind.send, reader, sizes.send)
    this.#ack = makeMessage(RelayKind.ack, author, sizes.ack)
    this.#read = makeMessage(RelayKind.read, author, sizes.read)
    this.#tally = tally
  }

  static async open(url: string, author: number, payloadBytes: number, tally: Tally): Promise<RelayPair> {
    const pair = new RelayPair(author, payloadBytes, tally)
    ;[pair.#author, pair.#reader] = await Promise.all([
      openSocket({ url: `${url}/?user=${author}` }),
      openSocket({ url: `${url}/?user=${author + 1}` }),
    ])
    pair.#author.on('message', (data: Buffer) => pair.#onAuthorMessage(data[0]))
    pair.#reader.on('message', (data: Buffer) => pair.#onReaderMessage(data[0]))
    return pair
  }

  get idle(): boolean {
    return this.#missing === 0
  }

  start(load: Load): void {
    if (load.window !== 1 || load.ackDelayMs !== 0) throw new Error('The relay is measured at window 1, without delays')
    this.#sending = true
    this.sendOne()
  }

  sendOne(): void {
    this.#sentAt = performance.now()
    this.#missing = 3
    this.#tally.counts.sent++
    this.#tally.counts.messagesIn++
    this.#author.send(this.#send)
  }

  stop(): void {
    this.#sending = false
  }

  #onAuthorMessage(kind: number | undefined): void {
    this.#missing--
    this.#tally.counts.messagesOut++
    if (kind === RelayKind.accepted) {
      this.#tally.acceptedAfter(performance.now() - this.#sentAt)
    } else if (kind === RelayKind.delivered) {
      this.#tally.counts.received++
    } else if (kind === RelayKind.readReceipt) {
      this.#tally.counts.read++
      this.#tally.counts.readsAccepted++
      if (this.#sending) this.sendOne()
    } else {
      this.#tally.unexpected(`the author got ${kind}`)
    }
  }

  #onReaderMessage(kind: number | undefined): void {
    this.#tally.counts.messagesOut++
    if (kind !== RelayKind.deliver) return this.#tally.unexpected(`the reader got ${kind}`)
    this.#tally.deliveredAfter(performance.now() - this.#sentAt)
    this.#tally.counts.readsSent++
    this.#tally.counts.messagesIn += 2
    this.#reader.send(this.#ack)
    this.#reader.send(this.#read)
  }
}

function makeMessage(kind: number, user: number, bytes: number): Buffer {
  const message = Buffer.alloc(bytes, 'x')
  message[0] = kind
  message.writeUInt32BE(user, USER_AT)
  return message
}
