import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net'

/** One connection that passes through, as its two ends. */
interface Passage {
  readonly near: Socket
  readonly far: Socket
}

/** A network link that a test can spoil: it stands on a port of its own before a TCP port or a Unix socket. */
export class TcpProxy {
  readonly port: number
  readonly #server: Server
  readonly #target: NetConnectOpts
  readonly #passages = new Set<Passage>()
  #refusing = false
  #stalled = false

  private constructor(server: Server, target: NetConnectOpts) {
    this.#server = server
    this.#target = target
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near) => this.#pass(near))
  }

  static async open(target: NetConnectOpts): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, target)
  }

  /** Connections that pass through it now. */
  get size(): number {
    return this.#passages.size
  }

  /** Resets every connection, whatever is under way on it. New ones pass. */
  cut(): void {
    for (const { near, far } of this.#passages) {
      reset(near)
      // A Unix socket knows no reset.
      if ('path' in this.#target) far.destroy()
      else reset(far)
    }
    this.#passages.clear()
  }

  /** Cuts, and resets every new connection until {@link mend}. */
  sever(): void {
    this.#refusing = true
    this.cut()
  }

  mend(): void {
    this.#refusing = false
  }

  /** Takes nothing more from the far end: the near one looks as if it had stopped reading. */
  stall(): void {
    this.#stalled = true
    for (const { far } of this.#passages) far.pause()
  }

  /** Ends a {@link stall}. */
  flow(): void {
    this.#stalled = false
    for (const { far } of this.#passages) far.resume()
  }

  async close(): Promise<void> {
    this.sever()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(near: Socket): void {
    if (this.#refusing) return void near.resetAndDestroy()
    const far = connect(this.#target)
    const passage = { near, far }
    this.#passages.add(passage)
    const end = (): void => {
      this.#passages.delete(passage)
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', end).on('close', end)
    }
    near.pipe(far)
    // Not a pipe: it would resume what a stall has paused.
    far.on('data', (chunk) => {
      if (near.write(chunk)) return
      far.pause()
      near.once('drain', () => {
        if (!this.#stalled) far.resume()
      })
    })
    far.on('end', () => near.end())
    if (this.#stalled) far.pause()
  }
}

/** A socket that is ending cannot be reset: Node would lose its handle, and wait for it in vain at its exit. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
