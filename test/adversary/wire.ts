import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Tally } from './tally.ts'

export interface WireOptions {
  readonly url: string
  /** The client's own address: one of this machine. */
  readonly localAddress: string
  readonly tally: Tally
  /** Written before anything else: the PROXY header of a load balancer. */
  readonly preface?: Buffer
}

/** A TCP connection of an attacker: it counts what passes, and cares about nothing. */
export class Wire {
  /** Hears what comes; undefined: it is thrown away. */
  onData: ((data: Buffer) => void) | undefined
  readonly #socket: Socket
  readonly #tally: Tally

  private constructor(socket: Socket, tally: Tally) {
    this.#socket = socket
    this.#tally = tally
    socket.on('data', (data: Buffer) => {
      tally.answered(data.length)
      this.onData?.(data)
    })
  }

  /** Undefined: it was not let in. */
  static async open({ url, localAddress, tally, preface }: WireOptions): Promise<Wire | undefined> {
    const { hostname, port } = new URL(url)
    const socket = connect({ port: Number(port), host: hostname, localAddress, noDelay: true })
    const wire = new Wire(socket, tally)
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(OPEN_MS) })
    } catch {
      socket.destroy()
      tally.answer('no connection')
      return undefined
    }
    socket.on('error', () => undefined)
    if (preface !== undefined) socket.write(preface)
    return wire
  }

  get closed(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded
  }

  /** Resolves when the kernel has room for more, or the connection is over. */
  async write(data: Buffer | string): Promise<void> {
    if (this.closed) return
    this.#tally.sent(data.length)
    if (this.#socket.write(data)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done).off('end', done)
        resolve()
      }
      this.#socket.once('drain', done).once('close', done).once('end', done)
    })
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause()
  }

  /** Resolves when the server has ended it, or when the signal comes. */
  async ended(signal: AbortSignal): Promise<void> {
    if (this.closed || signal.aborted) return
    await Promise.race([once(this.#socket, 'close', { signal }), once(this.#socket, 'end', { signal })]).catch(
      () => undefined,
    )
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

const OPEN_MS = 10_000
