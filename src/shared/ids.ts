/** The ids that every layer shares. Each is branded: only the functions of this file make one. */

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** A user: the E.164 phone number without its "+", at most 15 digits, hence a safe integer. */
export type UserId = Branded<number, 'UserId'>

/** A device of a user: 1 is the primary, at most {@link MAX_DEVICES} in all. */
export type DeviceId = Branded<number, 'DeviceId'>

/** The server's stamp on an envelope: 41 bits of ms since 1970, 10 bits of node number, 12 bits of counter. */
export type MessageId = Branded<bigint, 'MessageId'>

/** One device of one user. A key for maps: {@link addressKey}. */
export interface Address {
  readonly user: UserId
  readonly device: DeviceId
}

export const MAX_DEVICES = 8
/** Of 15 digits. */
export const MAX_USER = 999_999_999_999_999

/** Reads a user id from "15550000001", "+15550000001" or 15550000001; undefined when it is none. */
export function parseUserId(value: unknown): UserId | undefined {
  if (typeof value === 'string') return /^\+?[1-9]\d{0,14}$/.test(value) ? (Number(value) as UserId) : undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_USER) return undefined
  return value as UserId
}

/** Reads a device number; undefined when it is not one of 1 … {@link MAX_DEVICES}. */
export function parseDeviceId(value: unknown): DeviceId | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_DEVICES) return undefined
  return value as DeviceId
}

/** A message id from what PostgreSQL or a client gave (a string of digits or a bigint). */
export function toMessageId(value: bigint | string): MessageId {
  return BigInt(value) as MessageId
}

/** A number that names the address, for maps. Below 8 × 10¹⁵, hence a safe integer. */
export function addressKey(user: UserId, device: DeviceId): number {
  return user * MAX_DEVICES + device - 1
}

/** `user.device`, for people and subjects. */
export function formatAddress(address: Address): string {
  return `${address.user}.${address.device}`
}

/** Reads {@link formatAddress}; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const [userText, deviceText, ...more] = text.split('.')
  const user = parseUserId(userText)
  const device = parseDeviceId(Number(deviceText))
  return user === undefined || device === undefined || more.length > 0 ? undefined : { user, device }
}

/** ms since 1970 at which a message id was stamped. */
export function stampMs(messageId: MessageId): number {
  return Number(messageId >> 22n)
}
