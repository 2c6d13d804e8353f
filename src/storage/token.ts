import { hash, randomBytes } from 'node:crypto'
import { type Address, parseDeviceId, parseUserId } from '../shared/ids.ts'

const VERSION = 'p'
const SECRET_BYTES = 32
/** User as 64 bits, device as 32. */
const ADDRESS_BYTES = 12
const MASK_LABEL = Buffer.from('Parley-v1/token\0')

/**
 * A token of 256 random bits. It holds the address that it is for, so that a node knows which database to ask, masked by
 * a hash of the random part: who sees the beginning of a token in a log or on a screen sees no phone number.
 */
export function createToken(address: Address): string {
  const secret = randomBytes(SECRET_BYTES)
  const plain = Buffer.alloc(ADDRESS_BYTES)
  plain.writeBigUInt64BE(BigInt(address.user))
  plain.writeUInt32BE(address.device, 8)
  return VERSION + Buffer.concat([secret, mask(secret, plain)]).toString('base64url')
}

/** A token that nodes of version 0.1 can read: it begins with the phone number. */
export function createPlainToken({ user, device }: Address): string {
  return `${user}.${device}.${randomBytes(SECRET_BYTES).toString('base64url')}`
}

/** Only this is stored: SHA-256 of the whole token, which is random enough to need no salt. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** Whose token it claims to be, of either sort; undefined when it cannot be one. */
export function parseToken(token: string): Address | undefined {
  return token.startsWith(VERSION) ? parseMasked(token) : parsePlain(token)
}

function parseMasked(token: string): Address | undefined {
  if (!/^p[\w-]{59}$/.test(token)) return undefined
  const bytes = Buffer.from(token.slice(VERSION.length), 'base64url')
  const plain = mask(bytes.subarray(0, SECRET_BYTES), bytes.subarray(SECRET_BYTES))
  return toAddress(Number(plain.readBigUInt64BE()), plain.readUInt32BE(8))
}

function parsePlain(token: string): Address | undefined {
  const match = /^([1-9]\d{0,14})\.([1-8])\.[\w-]{43}$/.exec(token)
  return match === null ? undefined : toAddress(match[1], Number(match[2]))
}

function toAddress(userText: unknown, deviceNumber: number): Address | undefined {
  const user = parseUserId(userText)
  const device = parseDeviceId(deviceNumber)
  return user === undefined || device === undefined ? undefined : { user, device }
}

/** The same masks and unmasks. */
function mask(secret: Uint8Array, bytes: Uint8Array): Buffer {
  const stream = hash('sha256', Buffer.concat([MASK_LABEL, secret]), 'buffer')
  return Buffer.from(bytes.map((byte, index) => byte ^ stream[index]!))
}
