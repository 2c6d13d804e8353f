import { z } from 'zod'
import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import { parseDeviceId } from '../shared/ids.ts'
import type { DeviceId } from '../shared/ids.ts'

/** Keys of each sort in one request. */
const MAX_KEYS = 100
const MAX_DEVICES = 8

interface ByteRange {
  readonly min: number
  readonly max: number
}

/** Bytes in a request: base64 in either alphabet, with or without padding. */
export function bytesSchema(size: number | ByteRange) {
  const { min, max } = typeof size === 'number' ? { min: size, max: size } : size
  const message = min === max ? `must be base64 of ${min} bytes` : `must be base64 of ${min} to ${max} bytes`
  return z
    .string()
    .min(charsOf(min, false), message)
    .max(charsOf(max, true), message)
    .regex(patternOf({ min, max }), message)
    .transform((text, context): Uint8Array => {
      const bytes = findBase64(text)
      if (bytes !== undefined && bytes.length >= min && bytes.length <= max) return bytes
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
    .meta({ contentEncoding: 'base64' })
}

function charsOf(bytes: number, padded: boolean): number {
  return padded ? Math.ceil(bytes / 3) * 4 : Math.ceil((bytes * 4) / 3)
}

const CHAR = '[A-Za-z0-9+/_-]'
const ONE_BYTE = `${CHAR}{2}(?:==)?`
const TWO_BYTES = `${CHAR}{3}=?`

/** Groups of four characters for three bytes each, then the one or two bytes that are left. */
function patternOf({ min, max }: ByteRange): RegExp {
  const groups = Math.floor(max / 3)
  const rest = ['', ONE_BYTE, TWO_BYTES][max % 3]!
  if (min === max) return new RegExp(`^${CHAR}{${groups * 4}}${rest}$`)
  const upTo = ['', `(?:${ONE_BYTE})?`, `(?:${ONE_BYTE}|${TWO_BYTES})?`][max % 3]!
  const shorter = `(?:${CHAR}{4}){0,${groups - 1}}(?:${ONE_BYTE}|${TWO_BYTES})?`
  return new RegExp(`^(?:${shorter}|${CHAR}{${groups * 4}}${upTo})$`)
}

/** Bytes in an answer. */
export const base64Schema = z.string().meta({ contentEncoding: 'base64' })

export { encodeBase64 as toBase64 }

export const deviceIdSchema = z
  .int()
  .min(1)
  .max(MAX_DEVICES)
  .transform((value) => parseDeviceId(value) as DeviceId)

export const certSchema = bytesSchema(251).describe('A DeviceCert: 251 bytes')

export const listSchema = bytesSchema({ min: 159 + 40, max: 159 + 40 * MAX_DEVICES }).describe(
  'A DeviceList: 159 + 40 n bytes',
)

const signedPreKeySchema = bytesSchema(109).describe('id u32 ‖ X25519 32 ‖ createdMs u64 ‖ suite u8 ‖ signature 64')
const oneTimePreKeySchema = bytesSchema(36).describe('id u32 ‖ X25519 32')
const kemPreKeySchema = bytesSchema(1260).describe('id u32 ‖ ML-KEM-768 1184 ‖ createdMs u64 ‖ signature 64')

/** Pre-keys that are added to those that the server has, or replace them. */
export const preKeysSchema = z.strictObject({
  spk: signedPreKeySchema.optional().describe('The signed pre-key: replaces the one before'),
  pqLast: kemPreKeySchema.optional().describe('The last resort: replaces the one before'),
  opks: z.array(oneTimePreKeySchema).max(MAX_KEYS).default([]).describe('One-time pre-keys: are added'),
  pqOpks: z.array(kemPreKeySchema).max(MAX_KEYS).default([]).describe('ML-KEM one-time pre-keys: are added'),
})

/** All that a device needs to be written to. */
export const devicePreKeysSchema = preKeysSchema.required({ spk: true, pqLast: true })

/** The keys of a device that is registered, which begin its account's chain of lists or continue it. */
export const registrationKeysSchema = devicePreKeysSchema.extend({ cert: certSchema, list: listSchema })

export type PreKeysField = z.output<typeof preKeysSchema>
export type RegistrationKeysField = z.output<typeof registrationKeysSchema>
