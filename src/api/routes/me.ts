import { z } from 'zod'
import type { Events } from '../../shared/events.ts'
import { RefusalError } from '../../shared/refusal.ts'
import type { Account, Accounts } from '../../storage/accounts.ts'
import { lastSeenChoices } from '../../storage/privacy.ts'
import { lineSchema, timeSchema, userIdSchema } from '../fields.ts'
import { type ApiAnswer, type Route, tokenRoute } from '../route.ts'

const TAG = 'Account'

const deviceSchema = z.object({
  device: z.int(),
  name: z.string(),
  platform: z.string(),
  hosted: z.boolean(),
  createdAt: timeSchema,
  lastUsedAt: timeSchema.describe('To an hour'),
})

const lastSeenSchema = z
  .enum(lastSeenChoices)
  .describe('Who may see whether the user is online, and when they last were; who hides it sees nobody else either')

const accountSchema = z
  .object({
    user: userIdSchema,
    name: z.string(),
    about: z.string(),
    pin: z.boolean().describe('Whether registering this number again demands a PIN'),
    lastSeen: lastSeenSchema,
    createdAt: timeSchema,
    devices: z.array(deviceSchema),
  })
  .meta({ id: 'Account' })

const changeSchema = z
  .strictObject({
    name: lineSchema(64).optional(),
    about: lineSchema(200).optional(),
    pin: z
      .string()
      .regex(/^\d{4,20}$/, 'must be 4 to 20 digits')
      .nullable()
      .optional()
      .describe('Demanded when this number is registered again; seven days without use lift it; null removes it'),
    lastSeen: lastSeenSchema.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change something')

export function meRoutes(accounts: Accounts, events: Events): Route[] {
  const answerWith = async (user: Account['user']): Promise<ApiAnswer> => {
    const account = await accounts.find(user)
    // The token was good a moment ago: the account has just been deleted.
    if (account === undefined) throw new RefusalError('UNAUTHENTICATED', 'The account is gone')
    return { status: 200, body: toJson(account) }
  }
  return [
    tokenRoute({
      method: 'GET',
      path: '/v1/me',
      tag: TAG,
      summary: 'Read the account',
      answers: { 200: { description: 'The account', schema: accountSchema } },
      handle: (_, { address }) => answerWith(address.user),
    }),
    tokenRoute({
      method: 'PATCH',
      path: '/v1/me',
      tag: TAG,
      summary: 'Change the account',
      body: changeSchema.meta({ minProperties: 1, examples: [{ name: 'Ann', about: 'On the road' }] }),
      answers: { 200: { description: 'The account as it is now', schema: accountSchema } },
      async handle({ body }, { address }) {
        await accounts.change(address.user, body)
        return answerWith(address.user)
      },
    }),
    tokenRoute({
      method: 'DELETE',
      path: '/v1/me',
      tag: TAG,
      summary: 'Delete the account and everything of it',
      description:
        'Its devices lose their tokens and sessions; what waited for them goes back to the senders as expired.',
      answers: { 204: { description: 'It is gone' } },
      async handle(_, { address }) {
        await accounts.delete(address.user)
        events.accountDeleted(address.user)
        return { status: 204 }
      },
    }),
  ]
}

function toJson({ user, name, about, hasPin, lastSeen, createdAt, devices }: Account): z.input<typeof accountSchema> {
  return {
    user: String(user),
    name,
    about,
    pin: hasPin,
    lastSeen,
    createdAt: createdAt.toISOString(),
    devices: devices.map(({ device, name, platform, hosted, createdAt, lastUsedAt }) => ({
      device,
      name,
      platform,
      hosted,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt.toISOString(),
    })),
  }
}
