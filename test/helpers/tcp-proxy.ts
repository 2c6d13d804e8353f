import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net'
import { Lane } from './slow-line.ts'
import type { SlowLine, Way } from './slow-line.ts'

/** Where a new connection goes, asked for each. */
export type Target = NetConnectOpts | (() => NetConnectOpts)

/** Which way bytes go, or both. */
export type Direction = Way | 'both'

/** One connection that passes through, as its two ends. There is no far end of one that began in silence. */
interface Passage {
  readonly near: Socket
  readonly far: Socket | undefined
  readonly lanes: readonly Lane[]
}

/** A network link that a test can spoil: it stands on a port of its own before a TCP port or a Unix socket. */
export class TcpProxy {
  readonly port: number
  readonly #server: Server
  #findTarget: () => NetConnectOpts
  readonly #passages = new Set<Passage>()
  #refusing = false
  #stalled = false
  #silent: Direction | undefined
  #line: SlowLine | undefined
  #carriedBytes = 0

  private constructor(server: Server, target: Target) {
    this.#server = server
    this.#findTarget = asFunction(target)
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near) => this.#pass(near))
  }

  static async open(target: Target): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, target)
  }

  /** Connections that pass through it now. */
  get size(): number {
    return this.#passages.size
  }

  /** Of both ways, by all connections so far, lost ones included. */
  get carriedBytes(): number {
    return this.#carriedBytes
  }

  /** Leads new connections elsewhere. */
  retarget(target: Target): void {
    this.#findTarget = asFunction(target)
  }

  /** Resets every connection, whatever is under way on it. New ones pass. */
  cut(): void {
    for (const { near, far } of this.#passages) {
      reset(near)
      if (far !== undefined) reset(far)
    }
    this.#passages.clear()
  }

  /** Cuts, and resets every new connection until {@link mend}. */
  sever(): void {
    this.#refusing = true
    this.cut()
  }

  /**
   * Loses every byte of a direction, and the ends of connections, without a sign: both sides look alive. New connections
   * get no answer. {@link mend} resets them all, since bytes are missing.
   */
  silence(direction: Direction): void {
    this.#silent = direction
  }

  /** Ends a {@link sever} or a {@link silence}. */
  mend(): void {
    this.#refusing = false
    if (this.#silent === undefined) return
    this.#silent = undefined
    this.cut()
  }

  /** Takes nothing more from the far end: the near one looks as if it had stopped reading. */
  stall(): void {
    this.#stalled = true
    for (const { far } of this.#passages) far?.pause()
  }

  /** Ends a {@link stall}. */
  flow(): void {
    this.#stalled = false
    for (const { far } of this.#passages) far?.resume()
  }

  /** From now on all passes over the line; undefined: at once again, and what is under way too. */
  slow(line: SlowLine | undefined): void {
    this.#line = line
    if (line === undefined) for (const { lanes } of this.#passages) for (const lane of lanes) lane.release()
  }

  async close(): Promise<void> {
    this.sever()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(near: Socket): void {
    if (this.#refusing) return void near.resetAndDestroy()
    if (this.#silent !== undefined) return this.#hold(near)
    const far = connect(this.#findTarget())
    const lanes = { toFar: new Lane(near, far), toNear: new Lane(far, near) }
    const passage = { near, far, lanes: Object.values(lanes) }
    this.#passages.add(passage)
    const end = (): void => {
      if (this.#silent !== undefined) return
      this.#passages.delete(passage)
      near.destroy()
      far.destroy()
    }
    for (const [from, to, way] of [
      [near, far, 'toFar'],
      [far, near, 'toNear'],
    ] as const) {
      const lane = lanes[way]
      if (this.#line !== undefined) lane.holdUntil(performance.now() + this.#line.handshakeMs())
      from.setNoDelay(true)
      from.on('error', end).on('close', () => lane.afterAll(end))
      this.#carry(from, to, way, lane)
    }
    if (this.#stalled) far.pause()
  }

  /** Not a pipe: it would resume what a stall has paused. */
  #carry(from: Socket, to: Socket, direction: Way, lane: Lane): void {
    const isLost = (): boolean => this.#silent === direction || this.#silent === 'both'
    const mayFlow = (): boolean => direction === 'toFar' || !this.#stalled
    from.on('data', (chunk: Buffer) => {
      if (isLost()) return
      this.#carriedBytes += chunk.length
      const now = performance.now()
      if (this.#line !== undefined) {
        for (const { packet, at } of this.#line.carry(chunk, direction, now)) lane.give(packet, at)
        return
      }
      if (!lane.isEmpty) return lane.give(chunk, now)
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => {
        if (mayFlow()) from.resume()
      })
    })
    from.on('end', () => {
      if (!isLost()) lane.afterAll(() => to.end())
    })
  }

  /** A connection whose answer never comes. */
  #hold(near: Socket): void {
    const passage = { near, far: undefined, lanes: [] }
    this.#passages.add(passage)
    near.on('error', () => {}).on('close', () => this.#passages.delete(passage))
    near.resume()
  }
}

function asFunction(target: Target): () => NetConnectOpts {
  return typeof target === 'function' ? target : () => target
}

/**
 * A socket that is ending cannot be reset: Node would lose its handle, and wait for it in vain at its exit. A Unix socket
 * knows no reset.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.remoteFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
