import { randomBytes, randomUUID } from 'node:crypto'
import { encodeBackupHeader } from '../../../client/crypto/wire/backup-header.ts'
import { TestAccountKeys } from '../../helpers/keys.ts'
import { attacker } from '../attacker.ts'
import { requestBytes } from '../attack-http.ts'
import { forever, request } from '../means.ts'

export const httpFlood = attacker({
  name: 'http-flood',
  about: 'Requests with tokens that were never given, one after the other on 50 connections',
  refusedBy: ['401 UNAUTHENTICATED', '429 RATE_LIMITED'],
  budget: { answerRatio: 10 },
  run: (target, signal) =>
    request(target, signal, 50, (client) => client.call('/v1/me', { token: randomBytes(48).toString('base64url') })),
})

export const unreadDocuments = attacker({
  name: 'unread-documents',
  about: 'Asks for the largest answers a thousand times in a row on 8 connections, and reads none',
  run: (target, signal) => {
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => requestBytes(target.host, '/openapi.json')))
    return forever(signal, 8, async () => {
      const wire = await target.wire()
      if (wire === undefined) return false
      wire.pause()
      await Promise.race([wire.write(many), wire.ended(AbortSignal.any([signal, AbortSignal.timeout(10_000)]))])
      await wire.ended(AbortSignal.any([signal, AbortSignal.timeout(5_000)]))
      wire.destroy()
      return true
    })
  },
  budget: { answerRatio: 1_000 },
})

export const largeHeaders = attacker({
  name: 'large-headers',
  about: 'Requests with 60 KiB of headers, the same header a hundred times, and doubled query keys',
  run: (target, signal) => {
    const large = { 'X-Large': 'x'.repeat(60_000) }
    const repeated = Object.fromEntries(Array.from({ length: 95 }, (_, i) => [`X-${i}`, 'y'.repeat(30)]))
    const paths = ['/v1/me', `/messages?limit=1&limit=2&${'a=1&'.repeat(500)}`, `/v1/devices/1?since=1&since=2`]
    return request(target, signal, 10, (client, count) =>
      client.call(paths[count % paths.length]!, {
        headers: count % 4 === 0 ? large : repeated,
        token: target.accounts[0]!.token,
      }),
    )
  },
})

export const deepBodies = attacker({
  name: 'deep-bodies',
  about: 'Bodies of JSON nested 50,000 deep, and of 200 KiB of one key',
  refusedBy: ['400 BAD_REQUEST', '429 RATE_LIMITED'],
  run: (target, signal) => {
    const deep = `{"name":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    const doubled = `{${'"name":"x",'.repeat(18_000)}"name":"y"}`
    return request(target, signal, 10, (client, count) =>
      client.call('/v1/me', {
        method: 'PATCH',
        token: target.accounts[0]!.token,
        headers: { 'Content-Type': 'application/json' },
        body: Buffer.from(count % 2 === 0 ? deep : doubled),
      }),
    )
  },
})

export const idempotencyRows = attacker({
  name: 'idempotency-rows',
  about: 'Requests that are refused, each under an Idempotency-Key of its own',
  accounts: 4,
  run: (target, signal) =>
    request(target, signal, 10, (client, count) =>
      client.call('/v1/keys/15099999999/take', {
        token: target.accounts[count % 4]!.token,
        headers: { 'Idempotency-Key': `${randomUUID()}${'k'.repeat(200)}` },
        body: {},
      }),
    ),
})

export const identityCheck = attacker({
  name: 'identity-check',
  about: 'Asks about 1,000 numbers at a time whether their identities have changed, to learn who is registered',
  accounts: 2,
  run: async (target, signal) => {
    const [asker, victim] = target.accounts
    const keys = await TestAccountKeys.create(victim!.user)
    const owner = await target.http(target.address(200))
    await owner?.call('/v1/devices/list', { method: 'PUT', token: victim!.token, body: keys.listBody() })
    owner?.wire.destroy()
    let asked = 0
    await request(target, signal, 4, async (client) => {
      const numbers = Array.from({ length: 999 }, () => String(15_000_000_000 + asked++))
      const users = [String(victim!.user), ...numbers].map((user) => ({
        user,
        hash: randomBytes(32).toString('base64'),
      }))
      const answer = await client.call('/v1/keys/identity-check', { token: asker!.token, body: { users } })
      if (answer?.status !== 200) return answer
      const named = (JSON.parse(answer.body) as { users: string[] }).users
      if (named.length > 0) target.tally.broke('it was told who is registered')
      return answer
    })
  },
})

export const rendezvousFlood = attacker({
  name: 'rendezvous-flood',
  about: 'Opens places to meet, leaves 4 KiB there and waits at them, 50 at a time from one address',
  run: (target, signal) => {
    const message = randomBytes(4_096).toString('base64')
    return request(target, signal, 50, async (client) => {
      const opened = await client.call('/v1/devices/link', { method: 'POST' })
      if (opened?.status !== 201) return opened
      const { rendezvousId } = JSON.parse(opened.body) as { rendezvousId: string }
      await client.call(`/v1/devices/link/${rendezvousId}`, { body: { message } })
      return client.call(`/v1/devices/link/${rendezvousId}?after=1&wait=20`)
    })
  },
})

export const backupDisk = attacker({
  name: 'backup-disk',
  about: 'Backups of 8 MiB, each of a higher version, by 4 accounts',
  accounts: 4,
  run: (target, signal) => {
    const ids = target.accounts.map(() => randomBytes(16).toString('base64'))
    const filler = randomBytes(8 * 1_024 * 1_024 - 1_000)
    return request(target, signal, 4, (client, count) => {
      const { user, token } = target.accounts[count % 4]!
      const head = encodeBackupHeader({ user, version: count + 1, createdMs: Date.now(), salt: randomBytes(32) })
      const headers = { 'Backup-Id': ids[count % 4]!, 'Content-Type': 'application/octet-stream' }
      return client.call('/v1/me/backup', { method: 'PUT', token, headers, body: Buffer.concat([head, filler]) })
    })
  },
})

export const contactsFlood = attacker({
  name: 'contacts-flood',
  about: 'Replaces 5,000 contacts by 5,000 others, over and over, by 4 accounts',
  accounts: 4,
  run: (target, signal) =>
    request(target, signal, 4, (client, count) =>
      client.call('/v1/contacts', {
        method: 'PUT',
        token: target.accounts[count % 4]!.token,
        body: { users: Array.from({ length: 5_000 }, (_, i) => String(15_200_000_000 + i + (count % 2) * 5_000)) },
      }),
    ),
})
