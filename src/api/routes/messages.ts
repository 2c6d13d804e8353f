import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { encodeContent } from '../../../client/content.ts'
import { MAX_PLAINTEXT_BYTES } from '../../../client/crypto/seal.ts'
import type { HostedAccounts } from '../hosted/hosted-accounts.ts'
import type { Clock } from '../../shared/clock.ts'
import { type Address, toMessageId, type UserId } from '../../shared/ids.ts'
import { RefusalError } from '../../shared/refusal.ts'
import type { Identity } from '../../storage/devices.ts'
import { queryIntegerSchema, queryUserSchema, timeSchema, userSchema } from '../fields.ts'
import { contentVariants, receivedSchema, toContent, toMessage } from '../message-content.ts'
import { type Route, tokenRoute } from '../route.ts'
import { hashParts } from '../sealed-answer.ts'

const TAG = 'Messages'
const MAX_PAGE = 1_000

const parties = {
  sender_ID: userSchema.optional().describe('The user of the token; may be left out'),
  reciever_ID: userSchema.optional().describe('The recipient'),
  receiver_ID: userSchema.optional().describe('The same as reciever_ID: one of them is needed'),
}

const sendSchema = z
  .discriminatedUnion(
    'type',
    [
      contentVariants.text.extend(parties),
      contentVariants.location.extend(parties),
      contentVariants.contact.extend(parties),
    ],
    { error: (issue) => (issue.code === 'invalid_union' ? 'must be text, location or contact' : undefined) },
  )
  .superRefine(({ reciever_ID, receiver_ID }, context) => {
    const message =
      reciever_ID === undefined && receiver_ID === undefined
        ? 'is missing'
        : receiver_ID !== undefined && reciever_ID !== undefined && receiver_ID !== reciever_ID
          ? 'differs from receiver_ID'
          : undefined
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['reciever_ID'], message })
  })

/** More than any message id. */
const MAX_CURSOR = 2n ** 63n - 1n

const cursorSchema = z
  .string()
  .regex(/^\d{1,19}$/, 'must be a cursor from GET /messages')
  .transform((text) => (BigInt(text) > MAX_CURSOR ? MAX_CURSOR : BigInt(text)))

const pageSchema = z
  .object({
    messages: z.array(receivedSchema),
    cursor: z
      .string()
      .nullable()
      .describe('For DELETE /messages: names the last message of this page; null: it is empty'),
    more: z.boolean().describe('There are others, which come once these are acknowledged'),
  })
  .meta({ id: 'MessagePage' })

/** What the device lists take in a message. */
const ROOM_BYTES = 128

/** @param hosted undefined: no device can be hosted here */
export function messageRoutes(hosted: HostedAccounts | undefined, clock: Clock): Route[] {
  return [
    tokenRoute({
      method: 'POST',
      path: '/messages',
      tag: TAG,
      summary: 'Send a message (sendMessage)',
      description: 'Answers once the message is accepted: from then on it is safe.',
      body: sendSchema.meta({
        // One of them is needed.
        anyOf: [{ required: ['reciever_ID'] }, { required: ['receiver_ID'] }],
        examples: [{ reciever_ID: '15550000002', type: 'text', text: 'Hello' }],
      }),
      idempotent: true,
      sheddable: true,
      answers: {
        201: { description: 'Accepted', schema: z.object({ messageId: z.string(), acceptedAt: timeSchema }) },
      },
      errors: [
        'FORBIDDEN',
        'UNKNOWN_USER',
        'NO_KEYS',
        'TOO_LARGE',
        'IDEMPOTENCY_CONFLICT',
        'MAILBOX_FULL',
        'HOSTED_LOCKED',
      ],
      async handle({ body, headers }, caller) {
        const from = requireHosted(caller, body.sender_ID)
        const to = (body.reciever_ID ?? body.receiver_ID) as UserId
        const id = clientId(from, headers['idempotency-key'])
        const content = toContent(body, id, to, clock.now())
        if (encodeContent(content).length > MAX_PLAINTEXT_BYTES - ROOM_BYTES) {
          throw new RefusalError('TOO_LARGE', `A message has ${MAX_PLAINTEXT_BYTES - ROOM_BYTES} bytes at most`)
        }
        const answer = await requireHosting(hosted).with(from, (device) => device.send(content, to))
        if ('code' in answer) throw new RefusalError(answer.code, answer.message, answer)
        const acceptedAt = new Date(answer.acceptedAtMs).toISOString()
        return { status: 201, body: { messageId: String(answer.messageId), acceptedAt } }
      },
    }),
    tokenRoute({
      method: 'GET',
      path: '/messages',
      tag: TAG,
      summary: 'Read all unread messages, oldest first (getMessage)',
      description:
        'Their senders get ✓✓ once the device has stored them: at this request at the latest. They come again until they are acknowledged by DELETE /messages. One of the type undecrypted was asked for again, and comes in its place or, if that was acknowledged, as a new one.',
      query: z.strictObject({
        user_Id: queryUserSchema.optional().describe('The user of the token; may be left out'),
        limit: queryIntegerSchema(1, MAX_PAGE).default(MAX_PAGE),
      }),
      answers: { 200: { description: 'A page of messages', schema: pageSchema } },
      errors: ['FORBIDDEN', 'HOSTED_LOCKED'],
      async handle({ query }, caller) {
        const owner = requireHosted(caller, query.user_Id)
        const { messages, more } = await requireHosting(hosted).with(owner, (device) => device.read(query.limit))
        const cursor = messages.at(-1)?.messageId
        const page = messages.map((message) => toMessage(message, owner.user))
        return { status: 200, body: { messages: page, cursor: cursor === undefined ? null : String(cursor), more } }
      },
    }),
    tokenRoute({
      method: 'DELETE',
      path: '/messages',
      tag: TAG,
      summary: 'Acknowledge messages',
      description: 'They do not come again, and with `read` their senders get the read receipt.',
      query: z.strictObject({
        upTo: cursorSchema.describe('The cursor of a page: it and everything before is acknowledged'),
        user_Id: queryUserSchema.optional().describe('The user of the token; may be left out'),
        read: z.enum(['true', 'false']).default('false'),
      }),
      answers: {
        200: { description: 'How many there were', schema: z.object({ acknowledged: z.int() }) },
      },
      errors: ['FORBIDDEN', 'HOSTED_LOCKED'],
      async handle({ query }, caller) {
        const owner = requireHosted(caller, query.user_Id)
        const read = query.read === 'true'
        const upTo = toMessageId(query.upTo)
        const acknowledged = await requireHosting(hosted).with(owner, (device) => device.acknowledge(upTo, read))
        return { status: 200, body: { acknowledged } }
      },
    }),
  ]
}

/** @throws RefusalError with HOSTED_DISABLED */
function requireHosting(hosted: HostedAccounts | undefined): HostedAccounts {
  if (hosted !== undefined) return hosted
  throw new RefusalError('HOSTED_DISABLED', 'This server holds no keys of devices: its operator has set no MASTER_KEY')
}

/** A caller acts as itself alone, and over HTTP with a hosted device alone. @throws RefusalError with FORBIDDEN */
function requireHosted({ address, hosted }: Identity, claimed: UserId | undefined): Address {
  if (claimed !== undefined && claimed !== address.user) {
    throw new RefusalError('FORBIDDEN', 'The token is of another user')
  }
  if (!hosted) {
    throw new RefusalError('FORBIDDEN', 'This device keeps its own keys: register with "hosted": true to use /messages')
  }
  return address
}

/** The same for every repetition under one key, so that a recipient shows the message once whatever happens here. */
function clientId(from: Address, idempotencyKey: string): string {
  if (idempotencyKey === '') return randomUUID()
  const bytes = hashParts('client id', `${from.user}.${from.device}`, idempotencyKey)
  // RFC 9562: version 8, made by the application.
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
