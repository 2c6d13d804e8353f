import type { Batch } from '../../src/actors/batch.ts'
import type { Actor } from './actor.ts'
import { Arrival } from './arrival.ts'
import { Bus } from './bus.ts'
import { Recipient, Sender } from './client.ts'
import type { Client } from './client.ts'
import type { Budgets, WorldConfig } from './config.ts'
import type { Cores } from './cores.ts'
import { noCounts } from './coverage.ts'
import type { Coverage } from './coverage.ts'
import { CLOCK_STEPS } from './clocks.ts'
import { SENDER, makeOther } from './devices.ts'
import { Op, formatEvent, opOf, xOf, yOf } from './events.ts'
import { Node } from './node.ts'
import { Postgres } from './postgres.ts'
import { Socket } from './socket.ts'

/** Room that others leave in the journal: none, for a small envelope, for a small and half a big one. */
export const FILL_LEAVES = [0, 200, 450] as const

/** A sender that was told that a mailbox is full waits so long. */
const LONG = 10_000

/**
 * A whole Parley in one object: clients, sockets, nodes, the bus and PostgreSQL, around the real cores. Nothing happens
 * by itself: each event is one step, and whoever picks the events decides what is late, lost or dead.
 */
export class World {
  readonly config: WorldConfig
  readonly cores: Cores
  readonly budgets: Budgets
  readonly postgres: Postgres
  readonly bus: Bus
  readonly nodes: Node[]
  readonly sockets: Socket[] = []
  readonly actors: Actor[] = []
  readonly sender: Sender
  readonly recipients: Recipient[] = []
  readonly clients: readonly Client[]
  readonly count: Coverage = noCounts()
  readonly verbose: boolean
  readonly lines: string[] = []
  readonly #arrivals: { readonly node: Node; readonly arrival: Arrival }[] = []
  /** Steps so far: the time. */
  tick = 0
  violation: string | undefined
  /** By how much the clock that measurements go by is ahead of the steps. */
  #laterBy = 0
  /** Copies that expired at once: the message and its device. */
  readonly #expiredAtOnce = new Set<string>()

  constructor(config: WorldConfig, cores: Cores, verbose = false) {
    this.config = config
    this.cores = cores
    this.verbose = verbose
    this.budgets = { ...config.budgets }
    this.postgres = new Postgres(this, config)
    this.bus = new Bus(this, config.recipients + 1)
    this.nodes = Array.from({ length: config.nodes }, (_, index) => new Node(this, index))
    this.sender = new Sender(this, SENDER)
    for (let device = 1; device <= config.recipients; device++) this.recipients.push(new Recipient(this, device))
    this.clients = [this.sender, ...this.recipients]
  }

  log(line: string): void {
    this.lines.push(`    ${line}`)
  }

  /** Something happened that must never happen; the first one counts. */
  violate(rule: string, what: string): void {
    if (this.violation !== undefined) return
    this.violation = `${rule}: ${what}`
    this.log(`*** ${this.violation}`)
  }

  open(device: number, number: number, node: Node): Socket {
    const due = this.sender.messages.filter(({ accepted }) => accepted).map((message) => message.number)
    const socket = new Socket(this.sockets.length, device, number, node, due)
    this.sockets.push(socket)
    return socket
  }

  /** A batch reaches an actor of a node. */
  arrive(node: Node, batch: Pick<Batch, 'envelopes' | 'incarnation'>, sender: Pick<Batch, 'answer'>): Arrival {
    const arrival = new Arrival(this, batch, sender)
    this.#arrivals.push({ node, arrival })
    return arrival
  }

  /** Batches that reached an actor of a node that still runs, and were not answered. */
  get unansweredArrivals(): number {
    return this.#arrivals.filter(({ node, arrival }) => node.up && arrival.unanswered >= 0).length
  }

  /** What says whether a measurement is fresh. */
  get roomTime(): number {
    return this.tick + this.#laterBy
  }

  /** There was no room for the copy of one device. */
  expireAtOnce(message: number, device: number): void {
    this.count.expiredFull++
    this.#expiredAtOnce.add(`${message}.${device}`)
  }

  hasExpiredAtOnce(message: number, device: number): boolean {
    return this.#expiredAtOnce.has(`${message}.${device}`)
  }

  mayExpire(message: number): boolean {
    return this.config.expiry && message % 2 === 0
  }

  /** The regular look at an actor's rows. */
  poll(actor: Actor): void {
    if (actor.closed || actor.state.phase === 'starting') return
    if (this.config.repairs.numbers && this.postgres.numbers[actor.device] !== actor.number) return actor.close(false)
    actor.wake()
  }

  perform(event: number): void {
    this.tick++
    if (this.verbose) this.lines.push(formatEvent(event))
    const x = xOf(event)
    switch (opOf(event)) {
      case Op.COMPOSE:
        return this.sender.compose()
      case Op.SEND:
        return this.sender.send(false)
      case Op.SEND_MORE:
        return this.sender.send(true)
      case Op.CONNECT:
        return this.clients[x]!.connect(this.nodes[yOf(event)]!)
      case Op.CLIENT_READS:
        return this.clients[x]!.read(this.clients[x]!.socket!)
      case Op.CLIENT_READS_OLD:
        return this.sender.read(this.sockets[x]!)
      case Op.ACKNOWLEDGE:
        return this.clients[x]!.acknowledge()
      case Op.SERVER_READS:
        return this.#serverReads(this.sockets[x]!)
      case Op.BUS:
        return this.bus.read(this.nodes[x]!)
      case Op.NODE_READS:
        return this.nodes[x]!.readBus()
      case Op.TURN:
        return this.actors[x]!.turn()
      case Op.SELECT:
        return this.#select(this.actors[x]!)
      case Op.ROWS:
        return this.actors[x]!.rowsRead()
      case Op.RECEIPTS:
        return this.actors[x]!.tellSenders()
      case Op.FLUSH:
        return this.nodes[x]!.flush()
      case Op.WAIT_FLUSH:
        this.nodes[x]!.wait()
        return this.nodes[x]!.flush()
      case Op.COMMIT:
        return this.#commit(this.nodes[x]!)
      case Op.FLUSHED:
        return this.nodes[x]!.flushed()
      case Op.CLAIM:
        this.count.claimed++
        return this.nodes[x]!.time.getClaim()
      case Op.LATE_STATEMENT:
        this.count.lateStatement++
        return this.postgres.apply(this.postgres.lost.shift()!)
      case Op.MEASURE:
        return this.nodes[x]!.measure(yOf(event))
      case Op.MEASURED:
        return this.nodes[x]!.measured()
      case Op.RETRY:
        this.#laterBy += LONG
        return this.sender.retry()
      case Op.LOST_STATEMENT:
        this.postgres.lost.shift()
        return
      default:
        return this.#fail(event)
    }
  }

  #fail(event: number): void {
    const x = xOf(event)
    const { budgets } = this
    switch (opOf(event)) {
      case Op.LEAVE:
        if (x === SENDER) budgets.moveSender--
        else budgets.move--
        return this.clients[x]!.leave(yOf(event) === 0)
      case Op.EOF:
        return this.#endOfSocket(this.sockets[x]!)
      case Op.CRASH:
        budgets.crash--
        return this.#crash(this.nodes[x]!)
      case Op.FREEZE:
        budgets.freeze--
        this.nodes[x]!.frozen = true
        return
      case Op.THAW:
        this.nodes[x]!.frozen = false
        return
      case Op.CUT:
        budgets.cut--
        return this.nodes[x]!.cut()
      case Op.JOIN:
        return this.nodes[x]!.join()
      case Op.TIMEOUT:
        budgets.timeout--
        return this.nodes[x]!.timeOut()
      case Op.UNKNOWN:
        budgets.unknown--
        return this.#loseOutcome(this.nodes[x]!)
      case Op.NO_ROOM:
        budgets.unknown--
        this.count.noRoom++
        return this.nodes[x]!.noRoom()
      case Op.REFUSE:
        budgets.refuse--
        this.nodes[x]!.refusals = 1
        return
      case Op.FILL:
        budgets.fill--
        return this.nodes[x]!.fill(FILL_LEAVES[yOf(event)] ?? 0)
      case Op.GIVE_UP:
        budgets.giveUp--
        this.count.givenUp++
        return this.nodes[x]!.buffer.giveUp()
      case Op.STEP_SYSTEM:
        budgets.stepSystem--
        return this.nodes[x]!.time.step(CLOCK_STEPS[yOf(event)] ?? 0)
      case Op.STEP_DATABASE:
        budgets.stepDatabase--
        return this.#stepDatabase(CLOCK_STEPS[x] ?? 0)
      case Op.POLL:
        budgets.poll--
        return this.poll(this.actors[x]!)
      case Op.OTHERS:
        budgets.others--
        return this.#othersSend(this.actors[x]!)
      case Op.OVERFLOW:
        budgets.overflow--
        this.count.overflow++
        this.sockets[x]!.end(false)
        return this.#endOfSocket(this.sockets[x]!)
      default:
        throw new Error(`no such event: ${event}`)
    }
  }

  #serverReads(socket: Socket): void {
    const frame = socket.toServer.shift()
    if (frame === undefined || socket.ended) return
    if (frame.type === 'connect') return socket.node.connect(socket, frame.floor)
    if (frame.type === 'ack') return socket.actor?.acknowledge(frame.upTo)
    socket.session?.send(frame.message, frame.first)
    for (let next = socket.toServer[0]; next?.type === 'send' && next.glued; next = socket.toServer[0]) {
      socket.toServer.shift()
      socket.session?.send(next.message, next.first)
    }
    socket.session?.launch()
  }

  #endOfSocket(socket: Socket): void {
    socket.ended = true
    socket.actor?.close(false)
    socket.session?.close()
  }

  /** An envelope that needs no receipt; what becomes of it is not looked at. */
  #othersSend(actor: Actor): void {
    const id = actor.node.stamp(0n)
    if (id === undefined) return
    const batch = { envelopes: [makeOther(id, actor.device)], incarnation: '' }
    actor.post(this.arrive(actor.node, batch, { answer() {} }))
  }

  /** Nodes look at its clock far more often than it is set. */
  #stepDatabase(ms: number): void {
    this.count.stepped++
    this.postgres.time.step(ms)
    for (const { up, time } of this.nodes) if (up) time.look()
  }

  #select(actor: Actor): void {
    if (actor.reading !== undefined) actor.reading.rows = this.postgres.select(actor.device, actor.reading.query)
  }

  #commit(node: Node): void {
    if (node.flight === undefined) return
    this.postgres.apply(node.flight.flush)
    node.flight.committed = true
  }

  /** The connection to PostgreSQL is lost: the flush is written again, and its old statement may run later. */
  #loseOutcome(node: Node): void {
    if (node.flight === undefined) return
    this.count.unknown++
    if (!node.flight.committed) this.postgres.lost.push(node.flight.flush)
    node.flight.committed = false
  }

  #crash(node: Node): void {
    node.up = false
    node.cut()
    node.requests.clear()
    if (node.flight?.committed === false) this.postgres.lost.push(node.flight.flush)
    node.flight = undefined
    for (const actor of this.actors) if (actor.node === node) actor.die()
    for (const socket of this.sockets) {
      if (socket.node !== node) continue
      socket.end(false)
      socket.toServer.length = 0
    }
  }
}
