import uWS from '../../src/transport/uws.ts'
import type { us_listen_socket } from 'uWebSockets.js'
import type { ClientFrame } from '../../proto/frames.ts'
import type { Connection } from '../../src/transport/connection.ts'
import { clientAddressBehind } from '../../src/transport/client-address.ts'
import { Gateway } from '../../src/transport/gateway.ts'
import type { GatewayOptions } from '../../src/transport/gateway.ts'
import type { Teardown } from './database.ts'

/** A connection as its handler sees it. */
export interface Heard {
  readonly connection: Connection
  readonly frames: ClientFrame[]
  /** WebSocket pings, and pongs that nobody asked for. */
  controls: number
  /** How often it was said to be gone. */
  gone: number
}

export interface TestGateway {
  readonly gateway: Gateway
  readonly url: string
  readonly heard: Heard[]
  readonly faults: unknown[]
  /** Called with the bytes of each message, before it is decoded. */
  admits: (connection: Connection, bytes: number) => boolean
  /** Called with the frames of each message; what it throws is a fault of the server. */
  onFrames: (connection: Connection, frames: readonly ClientFrame[]) => void
}

/** A gateway alone, with a handler that the test sees through. */
export async function startGateway(t: Teardown, patch: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const heard: Heard[] = []
  const faults: unknown[] = []
  const gateway = new Gateway({
    path: '/v1/ws',
    connectTimeoutMs: 10_000,
    pingIntervalMs: 25_000,
    pongTimeoutMs: 10_000,
    maxMessageBytes: 100_000,
    maxBackpressureBytes: 1_000_000,
    waitingBytes: 1_000_000,
    waitingBytesInAll: 10_000_000,
    bufferedBytesInAll: 100_000_000,
    events: {
      socketOpened: () => undefined,
      socketClosed: () => undefined,
      socketFault: (error) => void faults.push(error),
      undecodable: () => undefined,
      rateLimited: () => undefined,
    },
    clientAddress: clientAddressBehind([]),
    connections: { upgraded: () => undefined, turnedAway: () => undefined, socketClosed: () => undefined },
    admit: () => ({ ok: true }),
    onConnection: (connection) => {
      const one: Heard = { connection, frames: [], controls: 0, gone: 0 }
      heard.push(one)
      return {
        admits: (bytes) => test.admits(connection, bytes),
        onControl: () => void one.controls++,
        onFrames: (frames) => {
          one.frames.push(...frames)
          test.onFrames(connection, frames)
        },
        onClosed: () => void one.gone++,
      }
    },
    ...patch,
  })
  const app = uWS.App()
  gateway.serve(app)
  t.teardown(() => {
    gateway.close()
    app.close()
  })
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen('127.0.0.1', 0, resolve)
  })
  if (socket === false) throw new Error('No port is free')
  const url = `http://127.0.0.1:${uWS.us_socket_local_port(socket as never)}`
  const test: TestGateway = { gateway, url, heard, faults, admits: () => true, onFrames: () => undefined }
  return test
}
