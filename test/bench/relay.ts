/**
 * The floor that Parley is compared with: a bare relay in a process of its own. It takes a message, finds the socket of
 * the user it is for by its number, and sends that socket a message as long as Parley's for the same step; a `send` is
 * answered with an `accepted` at once, and its payload travels on. It decodes nothing, keeps nothing, checks nothing,
 * and loses what it holds when it ends: no actors, no database, no accounts, no limits. Its sockets have the same
 * settings as Parley's.
 */
import uWS from 'uWebSockets.js'
import type { us_listen_socket, WebSocket } from 'uWebSockets.js'
import { RelayKind, relaySizes, USER_AT } from './relay-frames.ts'
import { serve } from './rpc.ts'

interface RelayUser {
  readonly user: number
}

const MIB = 1024 * 1024

export class Relay {
  readonly #users = new Map<number, WebSocket<RelayUser>>()
  #listenSocket: us_listen_socket | undefined

  /** Resolves to the port. */
  listen({ payloadBytes }: { payloadBytes: number }): Promise<number> {
    const sizes = relaySizes(payloadBytes)
    const answer = (kind: 'accepted' | 'deliver' | 'delivered' | 'readReceipt'): Buffer =>
      Buffer.alloc(sizes[kind], RelayKind[kind])
    const accepted = answer('accepted')
    const deliver = answer('deliver')
    const delivered = answer('delivered')
    const readReceipt = answer('readReceipt')

    const app = uWS.App()
    app.ws<RelayUser>('/*', {
      compression: uWS.DISABLED,
      maxPayloadLength: MIB,
      maxBackpressure: 16 * MIB,
      closeOnBackpressureLimit: true,
      idleTimeout: 0,
      sendPingsAutomatically: false,
      upgrade: (response, request, context) => {
        const user = Number(request.getQuery('user'))
        const key = request.getHeader('sec-websocket-key')
        response.upgrade<RelayUser>({ user }, key, '', '', context)
      },
      open: (socket) => void this.#users.set(socket.getUserData().user, socket),
      close: (socket) => void this.#users.delete(socket.getUserData().user),
      message: (socket, data) => {
        const message = new Uint8Array(data)
        const to = this.#users.get(new DataView(data).getUint32(USER_AT))
        const from = socket.getUserData().user
        switch (message[0]) {
          case RelayKind.send:
            socket.send(accepted, true)
            deliver.set(message.subarray(0, deliver.length))
            deliver[0] = RelayKind.deliver
            deliver.writeUInt32BE(from, USER_AT)
            to?.send(deliver, true)
            break
          case RelayKind.ack:
            delivered.writeUInt32BE(from, USER_AT)
            to?.send(delivered, true)
            break
          case RelayKind.read:
            readReceipt.writeUInt32BE(from, USER_AT)
            to?.send(readReceipt, true)
            break
        }
      },
    })
    return new Promise((resolve, reject) => {
      app.listen('127.0.0.1', 0, (socket) => {
        if (socket === false) return reject(new Error('The relay cannot listen'))
        this.#listenSocket = socket
        resolve(uWS.us_socket_local_port(this.#listenSocket))
      })
    })
  }
}

if (import.meta.main) serve(new Relay())
