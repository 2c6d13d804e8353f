import { Socket } from 'node:net'

/** A socket that gathers what is written in one turn of the event loop: one system call for many small messages. */
export function createGatheringSocket(): Socket {
  const socket = new Socket()
  // Connecting puts the method of the class back.
  socket.once('connect', () => gather(socket))
  return socket
}

function gather(socket: Socket): void {
  const write = socket.write.bind(socket) as (...args: readonly unknown[]) => boolean
  let gathers = false
  socket.write = (...args: readonly unknown[]): boolean => {
    if (!gathers) {
      gathers = true
      socket.cork()
      process.nextTick(() => {
        gathers = false
        socket.uncork()
      })
    }
    return write(...args)
  }
}
