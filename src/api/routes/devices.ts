import { z } from 'zod'
import type { Hints } from '../../actors/hints.ts'
import type { Events } from '../../shared/events.ts'
import { RefusalError } from '../../shared/refusal.ts'
import { nobodyIs } from '../../shared/phone-number.ts'
import type { Accounts } from '../../storage/accounts.ts'
import type { DeviceLists } from '../../storage/device-lists.ts'
import { pathUserSchema, queryIntegerSchema, timeSchema, userIdSchema } from '../fields.ts'
import type { KeyChecks } from '../key-checks.ts'
import { base64Schema, certSchema, listSchema, toBase64 } from '../key-fields.ts'
import type { Lookups } from '../lookups.ts'
import { refusingKeys } from '../list-refusals.ts'
import { type Route, tokenRoute } from '../route.ts'

const TAG = 'Devices'
const MAX_EPOCH = 2 ** 32 - 1

export interface DeviceRoutesParts {
  readonly accounts: Accounts
  readonly lists: DeviceLists
  readonly checks: KeyChecks
  readonly lookups: Lookups
  readonly hints: Hints
  readonly events: Events
}

const ownDevicesSchema = z
  .object({
    user: userIdSchema,
    devices: z.array(
      z.object({
        device: z.int(),
        name: z.string(),
        platform: z.string(),
        hosted: z.boolean(),
        registrationId: z.int().describe('0: it has no keys'),
        createdAt: timeSchema,
        lastUsedAt: timeSchema.describe('To an hour'),
      }),
    ),
  })
  .meta({ id: 'OwnDevices' })

const chainSchema = z
  .object({
    lists: z.array(base64Schema).describe('Device lists by ascending epoch, the newest at the end'),
    certs: z.array(base64Schema).describe('The certificates that the newest names; empty while there is more'),
    more: z.boolean().describe('There are newer ones: ask again, with the epoch of the last'),
  })
  .meta({ id: 'DeviceLists' })

export function deviceRoutes(parts: DeviceRoutesParts): Route[] {
  const { accounts, lists, checks, lookups, hints, events } = parts
  return [
    tokenRoute({
      method: 'GET',
      path: '/v1/devices',
      tag: TAG,
      summary: "List the user's own devices",
      answers: { 200: { description: 'Those that have a token', schema: ownDevicesSchema } },
      async handle(_, { address }) {
        const account = await accounts.find(address.user)
        if (account === undefined) throw new RefusalError('UNAUTHENTICATED', 'The account is gone')
        const devices = account.devices.map((one) => ({
          device: one.device,
          name: one.name,
          platform: one.platform,
          hosted: one.hosted,
          registrationId: one.registrationId,
          createdAt: one.createdAt.toISOString(),
          lastUsedAt: one.lastUsedAt.toISOString(),
        }))
        return { status: 200, body: { user: String(account.user), devices } }
      },
    }),
    tokenRoute({
      method: 'GET',
      path: '/v1/devices/:user',
      tag: TAG,
      summary: 'Read the signed device lists of a user',
      params: z.strictObject({ user: pathUserSchema }),
      query: z.strictObject({
        since: queryIntegerSchema(0, MAX_EPOCH)
          .optional()
          .describe(
            'The epoch that is known: the lists after it are given, and the newest always. Left out: the newest',
          ),
      }),
      answers: { 200: { description: 'The end of the chain', schema: chainSchema } },
      errors: ['UNKNOWN_USER', 'NO_KEYS'],
      async handle({ params: { user }, query }, { address }) {
        if (user !== address.user) lookups.require(address.user)
        const chain = await lists.findChain(user, query.since)
        if (chain === undefined) throw new RefusalError('UNKNOWN_USER', nobodyIs(user))
        if (chain.lists.length === 0) throw new RefusalError('NO_KEYS', 'This user has no device list')
        const body = { lists: chain.lists.map(toBase64), certs: chain.certs.map(toBase64), more: chain.more }
        return { status: 200, body }
      },
    }),
    tokenRoute({
      method: 'PUT',
      path: '/v1/devices/list',
      tag: TAG,
      limit: { name: 'devices', by: 'user' },
      summary: 'Put the next device list',
      description:
        'By the primary. A device that it leaves out loses its token, keys and session; what waited for it goes back to ' +
        'the senders as expired. The same list again does no harm.',
      body: z.strictObject({
        list: listSchema,
        certs: z.array(certSchema).max(8).default([]).describe('Those that the server does not have yet'),
      }),
      answers: { 204: { description: 'It is the newest now' } },
      errors: ['FORBIDDEN', 'BAD_SIGNATURE', 'CLOCK_SKEW', 'EPOCH_CONFLICT'],
      async handle({ body }, { address: { user, device } }) {
        if (device !== 1) throw new RefusalError('FORBIDDEN', 'The primary device puts the list')
        const [list, certs] = await checks.list(user, body.list, body.certs)
        const change = await refusingKeys(() => accounts.putList(user, list, certs))
        events.deviceListPut(user, change.removed.length)
        if (change.devicesChanged) {
          const devicesChanged = { user: String(user), epoch: list.epoch, dlHash: toBase64(list.hash) }
          await hints.sendAll(user, { devicesChanged })
        }
        return { status: 204 }
      },
    }),
    tokenRoute({
      method: 'DELETE',
      path: '/v1/devices/me',
      tag: TAG,
      summary: 'Log this device out',
      description:
        'It loses its token, keys and session; the primary takes it off the list when it next comes. The primary itself ' +
        'cannot go: it is replaced by registering again, or the account is deleted.',
      answers: { 204: { description: 'It is gone' } },
      errors: ['FORBIDDEN'],
      async handle(_, { address }) {
        if (address.device === 1) throw new RefusalError('FORBIDDEN', 'The primary device cannot log out')
        await accounts.removeDevice(address)
        events.deviceLoggedOut(address.user)
        return { status: 204 }
      },
    }),
  ]
}
