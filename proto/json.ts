import { findBase64 } from './base64.ts'
import { DecodeError } from './decode-error.ts'
import { MAX_NAME_CHARS } from './limits.ts'

/**
 * The proto3 JSON mapping (protobuf.dev/programming-guides/json) of single values. Readers take what JSON.parse made of
 * hostile text and the path to it, for the error. Left out and null are the zero value.
 */

export type JsonObject = Record<string, unknown>

const UINT32_MAX = 0xffff_ffff
const UINT64_MAX = 2n ** 64n - 1n
/** An integer as text: no sign, and no zeros before it that could make it long. */
const DIGITS = /^(?:0|[1-9]\d{0,19})$/

export function fail(at: string, what: string): never {
  throw new DecodeError(`${at} ${what}`)
}

/** The value of a message. Left out and null are a message without fields. */
export function readObject(json: unknown, at: string): JsonObject {
  if (json == null) return {}
  if (typeof json !== 'object' || Array.isArray(json)) fail(at, 'is not an object')
  return json as JsonObject
}

/** The only member of an object that stands for a oneof. A name too long for an answer is cut. */
export function readMember(json: unknown, at: string): [name: string, value: unknown] {
  const set = Object.entries(readObject(json, at)).filter(([, value]) => value !== null)
  const [member] = set
  if (member === undefined || set.length > 1) fail(at, `has ${set.length} members, not one`)
  return [member[0].slice(0, MAX_NAME_CHARS), member[1]]
}

/** At most `limit` values; further ones are left out. */
export function readArray<T>(
  json: unknown,
  at: string,
  read: (json: unknown, at: string) => T,
  limit = Number.MAX_SAFE_INTEGER,
): T[] {
  if (json == null) return []
  if (!Array.isArray(json)) fail(at, 'is not an array')
  const values: T[] = []
  for (const [i, value] of json.slice(0, limit).entries()) {
    if (value === null) fail(`${at}[${i}]`, 'is null')
    values.push(read(value, `${at}[${i}]`))
  }
  return values
}

export function readString(json: unknown, at: string): string {
  if (json == null) return ''
  if (typeof json !== 'string') fail(at, 'is not a string')
  if (!json.isWellFormed()) fail(at, 'has half of a surrogate pair')
  return json
}

export function readBool(json: unknown, at: string): boolean {
  if (json == null) return false
  if (typeof json !== 'boolean') fail(at, 'is not true or false')
  return json
}

export function readUint32(json: unknown, at: string): number {
  const value = readUint64(json, at)
  if (value > UINT32_MAX) fail(at, 'has more than 32 bits')
  return value
}

/** A safe integer, as a number or as text. */
export function readUint64(json: unknown, at: string): number {
  if (json == null) return 0
  const value = typeof json === 'string' && DIGITS.test(json) ? Number(json) : json
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    fail(at, 'is not an unsigned integer below 2^53')
  }
  // -0 is 0.
  return value + 0
}

/** 64 bits as text, or as a number where that is exact. */
export function readBigint(json: unknown, at: string): bigint {
  if (typeof json !== 'string') return BigInt(readUint64(json, at))
  const value = DIGITS.test(json) ? BigInt(json) : undefined
  if (value === undefined || value > UINT64_MAX) fail(at, 'is not an unsigned integer of 64 bits')
  return value
}

export function readBytes(json: unknown, at: string): Uint8Array {
  const bytes = findBase64(readString(json, at))
  if (bytes === undefined) fail(at, 'is not base64')
  return bytes
}

export { encodeBase64 as writeBytes } from './base64.ts'

/** A name, or a number: one of a later version stays a number. */
export function readEnum<T extends number>(json: unknown, at: string, names: ReadonlyMap<string, T>): T {
  if (typeof json !== 'string') return readUint32(json, at) as T
  const value = names.get(json)
  if (value === undefined) fail(at, 'is not one of its names')
  return value
}

export function writeEnum<T extends number>(value: T, names: ReadonlyMap<string, T>): string | number {
  for (const [name, number] of names) if (number === value) return name
  return value
}
