import { z } from 'zod'
import { RefusalError } from '../../shared/refusal.ts'
import type { Contacts } from '../../storage/contacts.ts'
import { userIdSchema, userSchema } from '../fields.ts'
import { type Route, tokenRoute } from '../route.ts'

const TAG = 'Account'

const contactsSchema = z.object({ users: z.array(userIdSchema) }).meta({ id: 'Contacts' })

export function contactRoutes(contacts: Contacts, maxContacts: number): Route[] {
  const bodySchema = z
    .strictObject({ users: z.array(userSchema).max(maxContacts) })
    .meta({ examples: [{ users: ['15550000002', '+15550000003'] }] })
  return [
    tokenRoute({
      method: 'GET',
      path: '/v1/contacts',
      tag: TAG,
      summary: 'Read the contacts',
      description: 'Those whom the user knows: it is they to whom `lastSeen: contacts` shows the presence.',
      answers: { 200: { description: 'In the order of their numbers', schema: contactsSchema } },
      async handle(_, { address }) {
        const users = await contacts.list(address.user)
        return { status: 200, body: { users: users.map(String) } }
      },
    }),
    tokenRoute({
      method: 'PUT',
      path: '/v1/contacts',
      tag: TAG,
      summary: 'Replace the contacts',
      description: 'Numbers that are not registered may be among them.',
      body: bodySchema,
      limit: { name: 'contacts', by: 'user' },
      answers: { 204: { description: 'These are the contacts now, and no others' } },
      async handle({ body }, { address }) {
        const replaced = await contacts.replace(address.user, [...new Set(body.users)])
        // The token was good a moment ago: the account has just been deleted.
        if (!replaced) throw new RefusalError('UNAUTHENTICATED', 'The account is gone')
        return { status: 204 }
      },
    }),
  ]
}
