import { z } from 'zod'
import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import { parseDeviceId } from '../shared/ids.ts'
import type { DeviceId } from '../shared/ids.ts'

/** Keys of each sort in one request. */
const MAX_KEYS = 100
const MAX_DEVICES = 8

/** Bytes in a request: base64, in either alphabet. */
export function bytesSchema(size: number | { readonly max: number }) {
  const max = typeof size === 'number' ? size : size.max
  return z
    .string()
    .max(Math.ceil(max / 3) * 4)
    .transform((text, context): Uint8Array => {
      const bytes = findBase64(text)
      if (bytes === undefined) context.addIssue({ code: 'custom', message: 'must be base64' })
      else if (typeof size === 'number' && bytes.length !== size)
        context.addIssue({ code: 'custom', message: `must be ${size} bytes` })
      else if (bytes.length > max || bytes.length === 0)
        context.addIssue({ code: 'custom', message: `must be 1 to ${max} bytes` })
      else return bytes
      return z.NEVER
    })
    .meta({ contentEncoding: 'base64' })
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

export const listSchema = bytesSchema({ max: 159 + 40 * MAX_DEVICES }).describe('A DeviceList: 159 + 40 n bytes')

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
