import { z } from 'zod'
import { lineSchema, phoneSchema, textSchema, userIdSchema } from '../fields.ts'
import { bytesSchema, registrationKeysSchema } from '../key-fields.ts'
import type { Registrar } from '../registrar.ts'
import { openRoute, type Route } from '../route.ts'

const TAG = 'Registration'

const sessionSchema = z.string().regex(/^[\w-]{22}$/, 'must be the session that asking for the code gave')

const verifyExample = {
  phone: '+15550000001',
  code: '123456',
  device: { name: 'Desk', platform: 'curl' },
  hosted: true,
}

const BACKUP_ID_BYTES = 16

const askSchema = z
  .strictObject({
    phone: phoneSchema,
    via: z
      .literal('sms', 'this server sends codes by "sms" alone')
      .default('sms')
      .describe('How the code comes: by text message'),
  })
  .meta({ examples: [{ phone: '+15550000001' }] })

const askedSchema = z.object({
  expiresInSeconds: z.int().describe('Fewer than usual: no more codes are sent now, the newest that came is good'),
  session: sessionSchema.describe('The secret of this asking: whoever gives it with the code has tries of their own'),
})

const verifySchema = z.strictObject({
  phone: phoneSchema,
  code: z
    .string()
    .regex(/^\d{6}$/, 'must be six digits')
    .meta({ examples: ['123456'] }),
  session: sessionSchema
    .optional()
    .describe('Of the asking. Without it tries count by number and address, where those of others count too'),
  backupId: bytesSchema(BACKUP_ID_BYTES)
    .optional()
    .describe('Follows from the recovery key: if the account has no such backup, nothing is registered'),
  device: z
    .strictObject({ name: lineSchema(64).default(''), platform: lineSchema(64).default('') })
    .default({ name: '', platform: '' })
    .describe('What the user and their contacts may be shown of this device'),
  hosted: z.boolean().default(false).describe('For the HTTP API: the server holds the keys of this device'),
  pin: textSchema(64).optional().describe('The registration PIN, if the account has one'),
  keys: registrationKeysSchema
    .optional()
    .describe(
      'The keys of the device, and the device list that names it alone: the next of the chain, or the first under ' +
        'another account key. Without them nobody can write to it encrypted before they come by /v1/devices/list and /v1/keys',
    ),
})

const tokenSchema = z
  .object({
    user: userIdSchema,
    device: z.int(),
    token: z.string().describe('For Authorization: Bearer, and for `connect` on the socket. It is shown this once'),
  })
  .meta({ id: 'Registered' })

export function registrationRoutes(registrar: Registrar): Route[] {
  return [
    openRoute({
      method: 'POST',
      path: '/v1/registrations',
      tag: TAG,
      summary: 'Ask for a code by text message',
      description:
        'Codes that were asked for earlier stay good until they expire. Several askings for one number live side by side.',
      body: askSchema,
      idempotent: true,
      idempotentFor: ({ phone }) => phone,
      answers: {
        202: { description: 'The code is on its way', schema: askedSchema },
      },
      errors: ['SMS_FAILED'],
      async handle({ body, clientAddress }) {
        const { session, expiresInMs } = await registrar.ask(body.phone, clientAddress)
        return { status: 202, body: { expiresInSeconds: Math.ceil(expiresInMs / 1_000), session } }
      },
    }),
    openRoute({
      method: 'POST',
      path: '/v1/registrations/verify',
      tag: TAG,
      summary: 'Register a device with the code',
      description:
        'Gives device 1 of the user, and the token of it. A device that was registered before loses its token and its ' +
        'session; what waited for it goes back to the senders as expired.',
      body: verifySchema.meta({ examples: [verifyExample] }),
      idempotent: true,
      idempotentFor: ({ phone }) => phone,
      answers: { 201: { description: 'Registered', schema: tokenSchema } },
      errors: [
        'WRONG_CODE',
        'PIN_REQUIRED',
        'NOT_FOUND',
        'HOSTED_DISABLED',
        'BAD_SIGNATURE',
        'CLOCK_SKEW',
        'EPOCH_CONFLICT',
      ],
      async handle({ body, clientAddress }) {
        const { phone, hosted, device, ...given } = body
        const attempt = { ...given, device: { ...device, hosted } }
        const { address, token } = await registrar.verify(phone, attempt, clientAddress)
        return { status: 201, body: { user: String(address.user), device: address.device, token } }
      },
    }),
  ]
}
