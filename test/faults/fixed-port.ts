import { once } from 'node:events'
import { createServer } from 'node:net'

const FIRST = 20_000
const PORTS = 10_000
const TRIES = 50

/**
 * A free port below those that systems give to outgoing connections: while a node is down, none of its clients' attempts
 * to reach it may come to own its port.
 */
export async function findFixedPort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + Math.floor(Math.random() * PORTS)
    if (await isFree(port)) return port
  }
  throw new Error(`No port from ${FIRST} to ${FIRST + PORTS - 1} is free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
