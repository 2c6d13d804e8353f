import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A TCP connection to a server, for requests that no HTTP client would make. */
export class RawConnection {
  readonly #socket: Socket
  #received = ''
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.#received += chunk
    })
    // A reset is an end like another.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#closed = true
    })
  }

  /** @param localAddress - which of this machine's own addresses it comes from */
  static async open(url: string, localAddress?: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ port: Number(port), host: hostname, ...(localAddress && { localAddress }) })
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Bytes that the system has taken to send. */
  get taken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }

  get received(): string {
    return this.#received
  }

  /** False: the kernel's buffer is full, or the connection is over. */
  send(text: string): boolean {
    return this.#closed ? false : this.#socket.write(text, 'latin1')
  }

  end(): void {
    this.#socket.destroy()
  }
}
