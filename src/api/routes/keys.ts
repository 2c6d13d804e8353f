import { z } from 'zod'
import { keyCheck } from '../../../client/crypto/devices/key-check.ts'
import { equal } from '../../../client/crypto/bytes.ts'
import { decodeDeviceCert } from '../../../client/crypto/wire/device-cert.ts'
import { decodeKemPreKey, decodeSignedPreKey, KemKind } from '../../../client/crypto/wire/pre-keys.ts'
import type { Hints } from '../../actors/hints.ts'
import type { Events } from '../../shared/events.ts'
import type { Address } from '../../shared/ids.ts'
import { RefusalError } from '../../shared/refusal.ts'
import { nobodyIs } from '../../shared/phone-number.ts'
import type { DeviceLists } from '../../storage/device-lists.ts'
import type { PreKeyTake, PreKeyBundle } from '../../storage/pre-key-take.ts'
import type { PreKeys } from '../../storage/pre-keys.ts'
import { pathUserSchema, userIdSchema, userSchema } from '../fields.ts'
import type { KeyChecks } from '../key-checks.ts'
import { base64Schema, bytesSchema, deviceIdSchema, preKeysSchema, toBase64 } from '../key-fields.ts'
import type { Lookups } from '../lookups.ts'
import { refusingKeys } from '../list-refusals.ts'
import { type Route, tokenRoute } from '../route.ts'

const TAG = 'Keys'
const MAX_IDENTITIES = 1_000
const IDENTITY_HASH_BYTES = 32

export interface KeyRoutesParts {
  readonly preKeys: PreKeys
  readonly take: PreKeyTake
  readonly lists: DeviceLists
  readonly checks: KeyChecks
  readonly lookups: Lookups
  readonly hints: Hints
  readonly events: Events
}

const countsSchema = z
  .object({ opk: z.int(), pqOpk: z.int() })
  .meta({ id: 'PreKeyCounts', description: 'One-time pre-keys that are left' })

const bundleSchema = z.object({
  device: z.int(),
  cert: base64Schema,
  spk: base64Schema,
  opk: base64Schema.optional().describe('Left out when none is given'),
  pq: base64Schema,
  pqKind: z
    .union([z.literal(KemKind.ONE_TIME), z.literal(KemKind.LAST_RESORT)])
    .describe('1: one-time, 2: last resort'),
})

const takenSchema = z
  .object({ list: base64Schema.describe('The newest device list'), devices: z.array(bundleSchema) })
  .meta({ id: 'PreKeyBundles' })

const takeSchema = z.strictObject({
  devices: z.array(deviceIdSchema).min(1).max(8).optional().describe('Left out: all'),
})

const identitySchema = z.strictObject({
  user: userSchema,
  hash: bytesSchema(IDENTITY_HASH_BYTES).describe('The SHA-256 of the account key that is known'),
})

export function keyRoutes(parts: KeyRoutesParts): Route[] {
  const { preKeys, take, lists, checks, lookups, hints, events } = parts
  return [
    tokenRoute({
      method: 'PUT',
      path: '/v1/keys',
      tag: TAG,
      limit: { name: 'keys', by: 'device' },
      summary: 'Supply pre-keys of this device',
      description:
        'One-time keys are added to those that are there, 200 of each sort at most. Their ids count up: one at or below ' +
        'the highest that ever came is passed over, so a repetition does no harm.',
      body: preKeysSchema,
      answers: { 204: { description: 'They are stored' } },
      errors: ['BAD_SIGNATURE', 'CLOCK_SKEW', 'NO_KEYS', 'TOO_LARGE'],
      async handle({ body }, { address }) {
        const cert = await preKeys.findCert(address)
        if (cert === undefined) throw new RefusalError('NO_KEYS', 'No device list names this device yet')
        const supply = await checks.preKeys(cert, body)
        await refusingKeys(() => preKeys.put(address, supply))
        return { status: 204 }
      },
    }),
    tokenRoute({
      method: 'GET',
      path: '/v1/keys/count',
      tag: TAG,
      summary: 'Count the one-time pre-keys of this device that are left',
      answers: { 200: { description: 'How many there are', schema: countsSchema } },
      async handle(_, { address }) {
        const { oneTime, kemOneTime } = await preKeys.count(address)
        return { status: 200, body: { opk: oneTime, pqOpk: kemOneTime } }
      },
    }),
    tokenRoute({
      method: 'POST',
      path: '/v1/keys/check',
      tag: TAG,
      summary: 'Compare the keys of this device with those that the server has',
      body: z.strictObject({
        digest: bytesSchema(32).describe('Over the identity, the signed pre-key and the last resort'),
      }),
      answers: { 204: { description: 'They are the same' } },
      errors: ['KEYS_DIFFER'],
      async handle({ body }, { address }) {
        const own = await preKeys.findOwn(address)
        if (own === undefined || !equal(digestOf(address, own), body.digest)) {
          throw new RefusalError('KEYS_DIFFER', 'The server has other keys of this device, or none')
        }
        return { status: 204 }
      },
    }),
    tokenRoute({
      method: 'POST',
      path: '/v1/keys/:user/take',
      tag: TAG,
      params: z.strictObject({ user: pathUserSchema }),
      summary: 'Take pre-keys, to begin sessions with the devices of a user',
      description: 'Each one-time key is given once; a repetition under the same Idempotency-Key gives the same ones.',
      body: takeSchema.meta({ examples: [{ devices: [1] }, {}] }),
      idempotent: true,
      answers: { 200: { description: 'A bundle for each device that has keys', schema: takenSchema } },
      errors: ['NO_KEYS', 'UNKNOWN_USER'],
      async handle({ body, params: { user: of } }, { address }) {
        if (of !== address.user) lookups.require(address.user)
        const taken = await take.take({ by: address, of, devices: body.devices })
        switch (taken.outcome) {
          case 'unknown user':
            throw new RefusalError('UNKNOWN_USER', nobodyIs(of))
          case 'no keys':
            throw new RefusalError('NO_KEYS', 'No device of this user has keys')
          case 'limited': {
            events.rateLimited('preKeys')
            const { retryAfterMs } = taken
            throw new RefusalError('RATE_LIMITED', 'Too many requests (limit preKeys)', { retryAfterMs })
          }
          case 'taken': {
            for (const { address: low, counts } of taken.low) {
              hints.send(low, { keysLow: { opk: counts.oneTime, pqOpk: counts.kemOneTime } })
            }
            return { status: 200, body: { list: toBase64(taken.list), devices: taken.bundles.map(toJson) } }
          }
          default:
            return taken satisfies never
        }
      },
    }),
    tokenRoute({
      method: 'POST',
      path: '/v1/keys/identity-check',
      tag: TAG,
      summary: 'Ask which users have another account key than the one that is known',
      description:
        'A hint: whoever is told of a change looks at the device list. Only who gives the hash of a key that the user had ' +
        'hears of it; a user who is not registered looks like one whose key is the same.',
      body: z.strictObject({ users: z.array(identitySchema).max(MAX_IDENTITIES) }),
      answers: {
        200: { description: 'Those that have another one now', schema: z.object({ users: z.array(userIdSchema) }) },
      },
      limit: { name: 'identityCheck', by: 'user' },
      async handle({ body }) {
        const changed = await lists.findChanged(body.users)
        return { status: 200, body: { users: changed.map(String) } }
      },
    }),
  ]
}

function toJson({ device, cert, signed, oneTime, kem, kemOneTime }: PreKeyBundle): z.input<typeof bundleSchema> {
  return {
    device,
    cert: toBase64(cert),
    spk: toBase64(signed),
    ...(oneTime === undefined ? {} : { opk: toBase64(oneTime) }),
    pq: toBase64(kem),
    pqKind: kemOneTime ? KemKind.ONE_TIME : KemKind.LAST_RESORT,
  }
}

function digestOf(address: Address, own: NonNullable<Awaited<ReturnType<PreKeys['findOwn']>>>): Uint8Array {
  const { identity } = decodeDeviceCert(own.cert)
  return keyCheck(address, identity, decodeSignedPreKey(own.signed), decodeKemPreKey(own.lastResort))
}
