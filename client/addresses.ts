import { ParleyError } from './errors.ts'

const MAX_USER = 999_999_999_999_999

/** @throws {ParleyError} INVALID_USER */
export function requireUser(user: number): void {
  if (Number.isInteger(user) && user > 0 && user <= MAX_USER) return
  throw new ParleyError('INVALID_USER', 'A user is a phone number: 7 to 15 digits, without "+"')
}

/** Where a server, given by the address of its HTTP API, takes WebSocket connections. */
export function socketUrl(url: string): string {
  const socket = new URL('/v1/ws', url)
  socket.protocol = socket.protocol === 'https:' || socket.protocol === 'wss:' ? 'wss:' : 'ws:'
  return socket.href
}
