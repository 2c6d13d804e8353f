import type { Batch, NotTaken } from '../../src/actors/batch.ts'
import type { Route, RouteEffects } from '../../src/actors/route.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { Address, MessageId } from '../../src/shared/ids.ts'
import type { Flush, JournalBuffer } from '../../src/storage/journal-buffer.ts'
import type { Append, AppendListener } from '../../src/storage/journal-op.ts'
import type { MailboxRoom, RoomMeasure } from '../../src/storage/mailbox-room.ts'
import { Actor } from './actor.ts'
import type { FromBus, Reply, ToBus } from './bus.ts'
import { NodeTime } from './clocks.ts'
import { SENDER, SMALL_BYTES, deviceIndex, makeFiller } from './devices.ts'
import { Session } from './session.ts'
import type { Socket } from './socket.ts'
import type { World } from './world.ts'

const JOURNAL_DELAYS = { receiptDelayMs: 1_000, deleteDelayMs: 5 }

interface RoutedItem {
  readonly route: Route
  readonly index: number
}

type Request =
  /** `elsewhere`: asked over the bus, after this node's own actor. */
  | { readonly type: 'takeOver'; readonly by: Actor; readonly elsewhere: boolean }
  | {
      readonly type: 'route'
      readonly route: Route
      readonly device: number
      readonly left: Set<number>
      readonly node: Node | undefined
    }

/** One server process: its journal, its link to the bus, its actors, and the requests that wait for answers. */
export class Node implements RouteEffects, AppendListener<RoutedItem> {
  readonly index: number
  up = true
  frozen = false
  /** Linked to the bus. */
  joined = true
  readonly toBus: ToBus[] = []
  readonly fromBus: FromBus[] = []
  readonly actors: (Actor | undefined)[] = []
  readonly requests = new Map<number, Request>()
  readonly buffer: JournalBuffer
  readonly time: NodeTime
  /** How much room mailboxes have, by device. */
  readonly rooms: (MailboxRoom | undefined)[] = []
  /** What was read of them, and is on its way. */
  readonly measures: { readonly device: number; readonly measure: RoomMeasure }[] = []
  /** What PostgreSQL was given. */
  flight: { readonly flush: Flush; committed: boolean } | undefined
  /** So many appends are refused. */
  refusals = 0
  readonly #world: World
  readonly #locations = new Map<number, Node>()
  readonly #silentUntil = new Map<number, number>()
  readonly #unsentWakes = new Set<number>()
  readonly #struck = new Set<Append>()
  #waitedMs = 0
  #lastRequest = 0

  constructor(world: World, index: number) {
    this.#world = world
    this.index = index
    this.buffer = new world.cores.JournalBuffer({ bufferBytes: world.config.bufferBytes, ...JOURNAL_DELAYS })
    this.time = new NodeTime(world, world.postgres.time, world.config.skew[index] ?? 0)
  }

  get runs(): boolean {
    return this.up && !this.frozen
  }

  /** The journal's clock. */
  get now(): number {
    return this.#world.tick + this.#waitedMs
  }

  /** A message id above `floor`. Undefined: this node must not make one now. */
  stamp(floor: bigint): MessageId | undefined {
    const id = this.time.stamp(this.#world.config.repairs.floor ? floor : 0n)
    if (id === undefined) this.#world.count.unstamped++
    return id
  }

  // The journal.

  store<Item>(envelope: Envelope, listener: AppendListener<Item>, item: Item): Append | undefined {
    if (this.refusals > 0) {
      this.refusals--
      return undefined
    }
    return this.buffer.append(envelope, this.now, listener, item)
  }

  /** Why an envelope may not wait in its mailbox. */
  whyNoRoom(envelope: Envelope): NotTaken | undefined {
    const { room } = this.#world.config
    const device = deviceIndex(envelope.to)
    if (room === undefined || device === -1) return undefined
    const known = (this.rooms[device] ??= new this.#world.cores.MailboxRoom(room))
    const verdict = known.admit(envelope, this.#world.roomTime)
    if (verdict === 'full') this.#world.count.full++
    return verdict === 'room' ? undefined : verdict === 'full' ? 'full' : 'refused'
  }

  /** The rows of a mailbox are read; what they amount to comes with {@link measured}. */
  measure(device: number): void {
    const room = this.rooms[device]!
    room.measuring()
    this.measures.push({ device, measure: this.#world.postgres.measure(device) })
  }

  measured(): void {
    const { device, measure } = this.measures.shift()!
    this.rooms[device]!.measured(measure, this.#world.roomTime)
    this.#world.count.measured++
  }

  strike(append: Append): boolean {
    const struck = this.buffer.strike(append)
    if (struck) {
      this.#world.count.elided++
      this.#struck.add(append)
    } else {
      this.#world.count.ackDuringInsert++
    }
    return struck
  }

  /** Others leave room for so many bytes. */
  fill(leaveBytes: number): void {
    const bytes = this.#world.config.bufferBytes - this.buffer.bytes - leaveBytes
    if (bytes < SMALL_BYTES) return
    this.buffer.append(makeFiller(bytes), this.now, { appended() {}, notAppended() {} }, undefined)
  }

  flush(): void {
    const flush = this.buffer.take(this.now, this.#world.config.flushRoom)
    if (flush.appends.some((append) => this.#struck.has(append))) {
      this.#world.violate('STRUCK', 'an insert that was struck out is written')
    }
    this.flight = { flush, committed: false }
  }

  /** Lets the journal's clock run until everything in it is due. */
  wait(): void {
    this.#waitedMs += JOURNAL_DELAYS.receiptDelayMs
  }

  /** The answer of PostgreSQL arrives: everything is written. */
  flushed(): void {
    const { flush } = this.flight!
    this.flight = undefined
    for (const append of flush.appends) this.buffer.settle(append, 'appended')
    for (const row of flush.deletes) row.settle()
    for (const barrier of flush.barriers) barrier()
  }

  /** PostgreSQL has no room, though an earlier attempt may have been written: all that waits is refused, deletes go on. */
  noRoom(): void {
    const { flush, committed } = this.flight!
    this.flight = { flush: { ...flush, appends: [] }, committed }
    for (const append of flush.appends) this.buffer.settle(append, 'notAppended')
    if (this.#world.config.repairs.refuseWaiting) this.buffer.giveUp()
  }

  // Routes.

  route(route: Route): void {
    const device = deviceIndex(route.to)
    const actor = this.actors[device]
    if (actor?.routable === true) return actor.post(this.#world.arrive(this, route, route))
    if (!this.joined || (this.#silentUntil.get(device) ?? 0) > this.#world.tick) return void route.takeBack()
    this.#request(route, device, this.#world.config.locations ? this.#locations.get(device) : undefined)
  }

  append(envelope: Envelope, route: Route, index: number): NotTaken | undefined {
    const reason = this.whyNoRoom(envelope)
    if (reason !== undefined) return reason
    return this.store(envelope, this, { route, index }) === undefined ? 'refused' : undefined
  }

  appended({ route, index }: RoutedItem): void {
    route.appended(index)
  }

  notAppended({ route, index }: RoutedItem): void {
    route.notAppended(index)
  }

  wake(to: Address): void {
    const device = deviceIndex(to)
    const actor = this.#world.config.localWakes ? this.actors[device] : undefined
    if (actor?.routable === true) actor.wake()
    else if (!this.tellBus({ type: 'wake', device })) this.#unsentWakes.add(device)
  }

  /** The oldest request has waited too long, whether it was answered or not. */
  timeOut(): void {
    for (const [id, request] of this.requests) {
      this.requests.delete(id)
      if (request.type === 'takeOver') return this.#tookOver(request)
      this.#world.count.timeout++
      this.#locations.delete(request.device)
      this.#silentUntil.set(request.device, this.#world.tick + this.#world.config.silentSteps)
      return void request.route.takeBack()
    }
  }

  // The bus.

  tellBus(message: ToBus): boolean {
    if (this.joined) this.toBus.push(message)
    return this.joined
  }

  cut(): void {
    this.joined = false
    this.toBus.length = 0
    this.fromBus.length = 0
    this.#world.bus.cut(this)
  }

  join(): void {
    this.joined = true
    for (const actor of this.actors) if (actor?.routable === true) this.#subscribe(actor)
    for (const device of this.#unsentWakes) this.tellBus({ type: 'wake', device })
    this.#unsentWakes.clear()
  }

  readBus(): void {
    const message = this.fromBus.shift()
    if (message === undefined) return
    switch (message.type) {
      case 'pong':
        if (message.actor.state.phase === 'starting') message.actor.state.start()
        else this.#world.poll(message.actor)
        break
      case 'wake':
        message.actor.wake()
        break
      case 'takeOver':
        if ('request' in message) this.#giveUp(message.actor, message.request)
        else this.#takeOverAnswered(message.id, message.superseded)
        break
      case 'request':
        this.#arrived(message.actor ?? this.actors[message.request.device], message.request)
        break
      default:
        this.#replied(message)
    }
  }

  // Sessions.

  /** A `connect` has been read. */
  connect(socket: Socket, floor: bigint): void {
    const { numbers } = this.#world.postgres
    const { repairs } = this.#world.config
    if (repairs.numbers) {
      if (socket.number < numbers[socket.device]!) {
        this.#world.count.refusedConnect++
        return socket.end(true)
      }
      numbers[socket.device] = socket.number
    }
    const actor = new Actor(this.#world, socket)
    socket.actor = actor
    if (socket.device === SENDER) socket.session = new Session(this.#world, socket, floor)
    const older = this.actors[socket.device]
    this.actors[socket.device] = actor
    if (older === undefined) return this.#takeOverElsewhere(actor)
    const id = ++this.#lastRequest
    this.requests.set(id, { type: 'takeOver', by: actor, elsewhere: false })
    this.#replace(older, actor.number, (superseded) => this.#takeOverAnswered(id, superseded))
  }

  leave(actor: Actor): void {
    if (this.actors[actor.device] === actor) this.actors[actor.device] = undefined
  }

  #takeOverElsewhere(by: Actor): void {
    if (by.stage !== 'takeOver') return
    if (!this.joined) return this.#subscribeFirst(by)
    const id = ++this.#lastRequest
    this.requests.set(id, { type: 'takeOver', by, elsewhere: true })
    this.tellBus({ type: 'takeOver', from: this, id, by })
  }

  #subscribeFirst(actor: Actor): void {
    if (actor.stage !== 'takeOver') return
    actor.stage = 'subscribed'
    actor.routable = true
    if (this.joined) this.#subscribe(actor)
    else actor.state.start()
  }

  #subscribe(actor: Actor): void {
    this.tellBus({ type: 'subscribe', actor })
    if (this.#world.config.repairs.flush) this.tellBus({ type: 'ping', actor })
    else if (actor.state.phase === 'starting') actor.state.start()
    else this.#world.poll(actor)
  }

  /** A newer session asks an actor of this node to go. */
  #giveUp(actor: Actor, request: ToBus & { type: 'takeOver' }): void {
    this.#replace(actor, request.by.number, (superseded) => {
      this.tellBus({ type: 'reply', to: request.from, reply: { type: 'takeOver', id: request.id, superseded } })
    })
  }

  #replace(actor: Actor, byNumber: number, done: (superseded: boolean) => void): void {
    if (actor.closed) return done(false)
    if (this.#world.config.repairs.numbers && byNumber < actor.number) {
      this.#world.count.superseded++
      return done(true)
    }
    actor.close(true, () => done(false))
  }

  #takeOverAnswered(id: number, superseded: boolean): void {
    const request = this.requests.get(id)
    if (request?.type !== 'takeOver') return
    this.requests.delete(id)
    if (superseded) request.by.close(true)
    else this.#tookOver(request)
  }

  #tookOver({ by, elsewhere }: Request & { type: 'takeOver' }): void {
    if (elsewhere) this.#subscribeFirst(by)
    else this.#takeOverElsewhere(by)
  }

  // Requests.

  #request(route: Route, device: number, node: Node | undefined): void {
    const id = ++this.#lastRequest
    this.requests.set(id, { type: 'route', route, device, left: new Set(route.envelopes.keys()), node })
    const { envelopes, incarnation } = route
    this.tellBus({ type: 'request', from: this, id, device, batch: { envelopes, incarnation }, node })
  }

  #arrived(actor: Actor | undefined, { from, id, batch }: ToBus & { type: 'request' }): void {
    if (actor?.routable !== true) {
      this.tellBus({ type: 'reply', to: from, reply: { type: 'nobody', id } })
      return
    }
    const answer: Batch['answer'] = (index, outcome, incarnation) => {
      const reply = { type: 'answer', id, index, outcome, incarnation, from: this.index } as const
      this.tellBus({ type: 'reply', to: from, reply })
    }
    actor.post(this.#world.arrive(this, batch, { answer }))
  }

  #replied(reply: Exclude<Reply, { type: 'takeOver' }>): void {
    const request = this.requests.get(reply.id)
    if (request === undefined) {
      this.#world.count.answerToNobody++
      return
    }
    if (request.type === 'takeOver') return this.#takeOverAnswered(reply.id, false)
    const { route, device, left, node } = request
    if (reply.type === 'answer') {
      left.delete(reply.index)
      if (left.size === 0) this.requests.delete(reply.id)
      if (reply.outcome === 'notHere') this.#world.count.notHere++
      else this.#locations.set(device, this.#world.nodes[reply.from]!)
      return route.answer(reply.index, reply.outcome, reply.incarnation)
    }
    this.requests.delete(reply.id)
    this.#locations.delete(device)
    if (reply.type === 'nobody') this.#world.count.notHere++
    if (node !== undefined && this.joined) return this.#request(route, device, undefined)
    route.takeBack()
  }
}
