import { once } from 'node:events'
import { createServer } from 'node:net'

const FIRST = 20_000
const PORTS = 10_000
const TRIES = 50

/**
 * The first of so many free ports in a row, below those that systems give to outgoing connections: while a server is
 * down, none of its clients' attempts to reach it may come to own its port.
 */
export async function findFixedPorts(count: number): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const first = FIRST + Math.floor(Math.random() * (PORTS - count + 1))
    const free = await Promise.all(Array.from({ length: count }, (_, offset) => isFree(first + offset)))
    if (free.every(Boolean)) return first
  }
  throw new Error(`No ${count} ports in a row are free from ${FIRST} to ${FIRST + PORTS - 1}`)
}

export function findFixedPort(): Promise<number> {
  return findFixedPorts(1)
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
