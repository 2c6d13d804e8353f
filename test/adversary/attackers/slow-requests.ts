import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeBackupHeader } from '../../../client/crypto/wire/backup-header.ts'
import { attacker } from '../attacker.ts'
import { forever } from '../means.ts'
import type { Target } from '../target.ts'
import type { Wire } from '../wire.ts'

const VICTIM_MS = 700

/** Writes a byte each second until the server has had enough. */
async function drip(wire: Wire | undefined, head: string | Buffer, signal: AbortSignal): Promise<boolean> {
  if (wire === undefined) return false
  await wire.write(head)
  while (!signal.aborted && !wire.closed) {
    await delay(1_000, undefined, { signal }).catch(() => undefined)
    await wire.write('x')
  }
  wire.destroy()
  return true
}

export const slowBodies = attacker({
  name: 'slow-bodies',
  about: '2,050 requests without a token whose bodies arrive byte by byte, from one address',
  run: (target, signal) => {
    const head = `PATCH /v1/me HTTP/1.1\r\nHost: ${target.host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
    return forever(signal, 2_050, async () => drip(await target.wire(), head, signal))
  },
})

export const slowHeaders = attacker({
  name: 'slow-headers',
  about: '1,500 requests whose headers arrive byte by byte',
  run: (target, signal) => {
    const head = `GET /v1/me HTTP/1.1\r\nHost: ${target.host}\r\nX-Slow: `
    return forever(signal, 1_500, async (index) =>
      drip(await target.wire(target.address(1 + (index % 10))), head, signal),
    )
  },
})

export const slowBackups = attacker({
  name: 'slow-backups',
  about: '12 backups that arrive byte by byte, while somebody else wants to store one',
  accounts: 13,
  run: async (target, signal) => {
    const slow = forever(signal, 12, async (index) => {
      const { token } = target.accounts[index]!
      const id = randomBytes(16).toString('base64')
      const head = `PUT /v1/me/backup HTTP/1.1\r\nHost: ${target.host}\r\nAuthorization: Bearer ${token}\r\nBackup-Id: ${id}\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n`
      return drip(await target.wire(), head, signal)
    })
    await Promise.all([slow, storeAsVictim(target, signal)])
  },
})

/** Somebody with another address and a small backup. */
async function storeAsVictim(target: Target, signal: AbortSignal): Promise<void> {
  const { user, token } = target.accounts[12]!
  const headers = { 'Backup-Id': randomBytes(16).toString('base64'), 'Content-Type': 'application/octet-stream' }
  let version = 0
  do {
    version++
    await delay(VICTIM_MS)
    const client = await target.http(target.address(200))
    const head = encodeBackupHeader({ user, version, createdMs: Date.now(), salt: randomBytes(32) })
    const answer = await client?.call('/v1/me/backup', {
      method: 'PUT',
      token,
      headers,
      body: Buffer.concat([head, randomBytes(100)]),
    })
    client?.wire.destroy()
    if (answer?.code === 'OVERLOADED') target.tally.broke('nobody else can store a backup')
  } while (!signal.aborted)
}
