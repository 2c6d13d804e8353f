import { z } from 'zod'
import type { Body } from '../../client/message.ts'
import type { Content } from '../../proto/content.ts'
import type { UserId } from '../shared/ids.ts'
import type { InboxMessage } from './hosted/inbox-shelf.ts'
import { lineSchema, textSchema, timeSchema, userIdSchema, writtenLineSchema } from './fields.ts'
import { readVcard } from './vcard.ts'

const MAX_TEXT_CHARS = 60_000
const MAX_VCARD_CHARS = 30_000

const bodySchema = textSchema(MAX_TEXT_CHARS)
  .min(1)
  .describe('With all else in the message at most 63,000 bytes in UTF-8')

const locationSchema = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: lineSchema(256).optional(),
  address: lineSchema(512).optional(),
})

const vcardSchema = textSchema(MAX_VCARD_CHARS)
  .meta({ maxLength: MAX_VCARD_CHARS, contentMediaType: 'text/vcard' })
  .refine((text) => readVcard(text) !== undefined, 'must be a vCard: from BEGIN:VCARD to END:VCARD')

const contactSchema = z.union(
  [
    z.strictObject({ vcard: vcardSchema }),
    z.strictObject({
      name: writtenLineSchema(256),
      phone: writtenLineSchema(64).describe('As people write it'),
    }),
  ],
  { error: 'must be {"name", "phone"}, or {"vcard"} with a whole vCard' },
)

/** What a message of another type has may be named, as nothing. */
const nothing = z.null().optional()
const noMedia = { media_object: nothing, document: nothing }

/** The variants of what is sent over HTTP, by `type`, without sender and recipient. */
export const contentVariants = {
  text: z.strictObject({ type: z.literal('text').optional(), text: bodySchema, ...noMedia }),
  location: z.strictObject({ type: z.literal('location'), location: locationSchema, text: nothing, ...noMedia }),
  contact: z.strictObject({ type: z.literal('contact'), contact: contactSchema, text: nothing, ...noMedia }),
} as const

export type SentContent = z.output<(typeof contentVariants)[keyof typeof contentVariants]>

/** A message as it is read over HTTP. */
export const receivedSchema = z
  .object({
    messageId: z.string().describe('Orders the messages of a device; the same in the answer that the sender got'),
    sender_ID: userIdSchema,
    reciever_ID: userIdSchema,
    type: z
      .enum(['text', 'location', 'contact', 'unsupported', 'unreadable', 'undecrypted'])
      .describe(
        'unsupported: made by a later version; unreadable: it is no content; undecrypted: it was asked for again',
      ),
    text: z.string().optional(),
    location: locationSchema.optional(),
    contact: z.object({ name: z.string(), phone: z.string(), vcard: z.string().optional() }).optional(),
    sentAt: timeSchema,
  })
  .meta({ id: 'Message' })

export type ReceivedMessage = z.input<typeof receivedSchema>

/**
 * A message as it is encrypted.
 * @param id the client id
 */
export function toContent(content: SentContent, id: string, to: UserId, sentAtMs: number): Content {
  return { id, sentAtMs, chat: { type: 'user', user: to }, body: toBody(content) }
}

function toBody(content: SentContent): Content['body'] {
  switch (content.type) {
    case undefined:
    case 'text':
      return { type: 'text', text: content.text }
    case 'location': {
      const { latitude, longitude, name = '', address = '' } = content.location
      return { type: 'location', latitude, longitude, name, address }
    }
    case 'contact': {
      if (!('vcard' in content.contact)) return { type: 'contact', ...content.contact, vcard: '' }
      const { vcard } = content.contact
      return { type: 'contact', name: '', phone: '', ...readVcard(vcard), vcard }
    }
    default:
      return content satisfies never
  }
}

/** What a hosted device has got, as it is read over HTTP. */
export function toMessage({ messageId, user, body, sentAt }: InboxMessage, owner: UserId): ReceivedMessage {
  return {
    messageId: String(messageId),
    sender_ID: String(user),
    reciever_ID: String(owner),
    sentAt: new Date(sentAt).toISOString(),
    ...fromBody(body),
  }
}

function fromBody(body: Body): Pick<ReceivedMessage, 'type' | 'text' | 'location' | 'contact'> {
  switch (body.type) {
    case 'text':
      return { type: 'text', text: body.text }
    case 'location': {
      const { latitude, longitude, name, address } = body
      const label = { ...(name === '' ? {} : { name }), ...(address === '' ? {} : { address }) }
      return { type: 'location', location: { latitude, longitude, ...label } }
    }
    case 'contact': {
      const { name, phone, vcard } = body
      return { type: 'contact', contact: { name, phone, ...(vcard === '' ? {} : { vcard }) } }
    }
    case 'unsupported':
    case 'unreadable':
    case 'undecrypted':
      return { type: body.type }
    default:
      return body satisfies never
  }
}
