import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { Events } from '../../shared/events.ts'
import { RefusalError } from '../../shared/refusal.ts'
import type { Links } from '../../storage/links.ts'
import { MAX_LINK_MESSAGES } from '../../storage/rendezvous.ts'
import type { LinkMessage, Rendezvous } from '../../storage/rendezvous.ts'
import { lineSchema, queryIntegerSchema, userIdSchema } from '../fields.ts'
import type { KeyChecks } from '../key-checks.ts'
import { base64Schema, bytesSchema, certSchema, devicePreKeysSchema, toBase64 } from '../key-fields.ts'
import type { LinkWaiters } from '../link-waiters.ts'
import { refusingKeys } from '../list-refusals.ts'
import { openRoute, type Route, type RouteLimit, tokenRoute } from '../route.ts'

const TAG = 'Devices'
const MAX_MESSAGE_BYTES = 4_096
const TOKEN_BYTES = 32
const LIMIT: RouteLimit = { name: 'link', by: 'address' }
/** What was not announced is found after it. */
const LOOK_MS = 1_000
/** Below the time in which every request must be answered. */
const MAX_WAIT_SECONDS = 20

export interface LinkRoutesParts {
  readonly rendezvous: Rendezvous
  readonly waiters: LinkWaiters
  readonly links: Links
  readonly checks: KeyChecks
  readonly events: Events
  readonly lifetimeMs: number
}

const messagesSchema = z
  .object({ messages: z.array(z.object({ number: z.int(), message: base64Schema })) })
  .meta({ id: 'LinkMessages' })

const claimedSchema = z
  .object({
    user: userIdSchema,
    device: z.int(),
    token: z.string().describe('For Authorization: Bearer, and for `connect` on the socket. It is shown this once'),
  })
  .meta({ id: 'Linked' })

const rendezvousSchema = z.strictObject({
  rendezvous: z.string().regex(/^[\w-]{22}$/, 'must be 16 bytes as base64url'),
})

const claimSchema = z.strictObject({
  linkToken: bytesSchema(TOKEN_BYTES),
  cert: certSchema,
  keys: devicePreKeysSchema,
  device: z
    .strictObject({ name: lineSchema(64).default(''), platform: lineSchema(64).default('') })
    .default({ name: '', platform: '' }),
})

export function linkRoutes(parts: LinkRoutesParts): Route[] {
  const { rendezvous, waiters, links, checks, events, lifetimeMs } = parts
  const expiresInSeconds = lifetimeMs / 1_000
  return [
    openRoute({
      method: 'POST',
      path: '/v1/devices/link',
      tag: TAG,
      limit: LIMIT,
      summary: 'Open a rendezvous, where a new device meets its primary',
      description: `Whoever knows its id may leave ${MAX_LINK_MESSAGES} messages of ${MAX_MESSAGE_BYTES} bytes there, and read all.`,
      answers: {
        201: {
          description: 'It is open',
          schema: z.object({
            rendezvousId: z.string().describe('16 bytes as base64url'),
            expiresInSeconds: z.number(),
          }),
        },
      },
      async handle() {
        const id = await rendezvous.open()
        return { status: 201, body: { rendezvousId: id.toString('base64url'), expiresInSeconds } }
      },
    }),
    openRoute({
      method: 'GET',
      path: '/v1/devices/link/:rendezvous',
      tag: TAG,
      limit: LIMIT,
      summary: 'Read what was left at a rendezvous',
      description: 'Waits until there is something new, or until the time is over: then there are no messages.',
      params: rendezvousSchema,
      query: z.strictObject({
        after: queryIntegerSchema(0, MAX_LINK_MESSAGES).default(0).describe('The highest number known'),
        wait: queryIntegerSchema(0, MAX_WAIT_SECONDS).default(MAX_WAIT_SECONDS).describe('Seconds'),
      }),
      answers: { 200: { description: 'The messages after that number', schema: messagesSchema } },
      errors: ['NOT_FOUND'],
      async handle({ params, query }) {
        const id = Buffer.from(params.rendezvous, 'base64url')
        const messages = await waitForMessages(parts, id, query)
        return {
          status: 200,
          body: { messages: messages.map(({ number, message }) => ({ number, message: toBase64(message) })) },
        }
      },
    }),
    openRoute({
      method: 'POST',
      path: '/v1/devices/link/:rendezvous',
      tag: TAG,
      limit: LIMIT,
      summary: 'Leave a message at a rendezvous',
      params: rendezvousSchema,
      body: z.strictObject({ message: bytesSchema({ min: 1, max: MAX_MESSAGE_BYTES }) }),
      answers: { 201: { description: 'It is there', schema: z.object({ number: z.int() }) } },
      errors: ['NOT_FOUND', 'TOO_LARGE'],
      async handle({ params, body }) {
        const id = Buffer.from(params.rendezvous, 'base64url')
        const posted = await rendezvous.post(id, body.message)
        if (posted.outcome === 'unknown') throw notFound()
        if (posted.outcome === 'full') {
          throw new RefusalError('TOO_LARGE', `A rendezvous takes ${MAX_LINK_MESSAGES} messages`)
        }
        waiters.announce(id.toString('hex'))
        return { status: 201, body: { number: posted.number } }
      },
    }),
    tokenRoute({
      method: 'POST',
      path: '/v1/devices/link/token',
      tag: TAG,
      limit: { name: 'devices', by: 'user' },
      summary: 'Keep a place for a new device',
      description: 'By the primary. The token goes to the new device by the rendezvous, and claims the place once.',
      answers: {
        201: {
          description: 'The place is kept',
          schema: z.object({ linkToken: base64Schema, device: z.int(), expiresInSeconds: z.number() }),
        },
      },
      errors: ['FORBIDDEN', 'TOO_MANY_DEVICES'],
      async handle(_, { address: { user, device: caller } }) {
        if (caller !== 1) throw new RefusalError('FORBIDDEN', 'The primary device links others')
        const linkToken = randomBytes(TOKEN_BYTES)
        const device = await links.reserve(user, linkToken)
        if (device === undefined) throw new RefusalError('TOO_MANY_DEVICES', 'Every place for a device is taken')
        return { status: 201, body: { linkToken: toBase64(linkToken), device, expiresInSeconds } }
      },
    }),
    openRoute({
      method: 'POST',
      path: '/v1/devices/link/claim',
      tag: TAG,
      limit: LIMIT,
      summary: 'Claim the place of a device that the primary has put on its list',
      body: claimSchema,
      answers: { 201: { description: 'The device is active', schema: claimedSchema } },
      errors: ['LINK_REFUSED', 'BAD_SIGNATURE', 'CLOCK_SKEW', 'NO_KEYS'],
      async handle({ body }) {
        const { linkToken, device } = body
        const address = checks.addressOf(body.cert)
        // Before what costs more.
        if (!(await links.isReserved(address, linkToken))) throw refused()
        const cert = await checks.cert(body.cert)
        const preKeys = await checks.preKeys(body.cert, body.keys)
        const claimed = await refusingKeys(() => links.claim({ address, linkToken, cert, preKeys, device }))
        if (claimed.outcome === 'refused') throw refused()
        if (claimed.outcome === 'not listed') {
          throw new RefusalError('NO_KEYS', 'The newest device list does not name this certificate')
        }
        events.deviceLinked(address.user)
        return { status: 201, body: { user: String(address.user), device: address.device, token: claimed.token } }
      },
    }),
  ]
}

async function waitForMessages(
  { rendezvous, waiters }: LinkRoutesParts,
  id: Buffer,
  { after, wait }: { readonly after: number; readonly wait: number },
): Promise<readonly LinkMessage[]> {
  let wake = (): void => undefined
  using listening = await waiters.listen(id.toString('hex'), () => wake())
  const until = performance.now() + (listening === undefined ? 0 : wait * 1_000)
  for (;;) {
    const news = new Promise<void>((resolve) => {
      wake = resolve
    })
    const messages = await rendezvous.read(id, after)
    if (messages === undefined) throw notFound()
    const leftMs = until - performance.now()
    if (messages.length > 0 || leftMs <= 0 || waiters.stopped) return messages
    const looked = new AbortController()
    const pause = delay(Math.min(leftMs, LOOK_MS), undefined, { signal: looked.signal }).catch(() => undefined)
    await Promise.race([news, pause])
    looked.abort()
  }
}

function refused(): RefusalError {
  return new RefusalError('LINK_REFUSED', 'The token is wrong, expired or used up')
}

function notFound(): RefusalError {
  return new RefusalError('NOT_FOUND', 'There is no such rendezvous, or its time is over')
}
