import { hash, randomBytes } from 'node:crypto'
import { type Address, parseDeviceId, parseUserId } from '../shared/ids.ts'

/** Tokens begin with the address they are for, so that a node knows which database to ask. */
export function createToken(address: Address): string {
  return `${address.user}.${address.device}.${randomBytes(32).toString('base64url')}`
}

/** Only this is stored: SHA-256 of the whole token, which is random enough to need no salt. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** Whose token it claims to be; undefined when it cannot be one. */
export function parseToken(token: string): Address | undefined {
  const match = /^([1-9]\d{0,14})\.([1-8])\.[\w-]{43}$/.exec(token)
  const user = parseUserId(match?.[1])
  const device = parseDeviceId(Number(match?.[2]))
  return user === undefined || device === undefined ? undefined : { user, device }
}
