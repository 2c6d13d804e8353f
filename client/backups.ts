import { encodeBase64 } from '../proto/base64.ts'
import type { Clock } from './clock.ts'
import { concat } from './crypto/bytes.ts'
import { backupKeys, generateRecoveryKey } from './crypto/backup/recovery-key.ts'
import type { BackupFrame } from './crypto/wire/backup-frame.ts'
import { ParleyError } from './errors.ts'
import { readChats, readHistory } from './history.ts'
import { request } from './http.ts'
import { decodeRecord, encodeRecord, keys, prefixes } from './records.ts'
import type { OwnKeys } from './secrecy/own-keys.ts'
import { readPeer } from './secrecy/peer.ts'
import type { Secrets } from './secrecy/secrets.ts'
import type { Transaction } from './store.ts'

interface BackupRecord {
  readonly recoveryKey: string
  /** Of the newest backup; each is higher than the one before. */
  readonly version: number
}

export interface BackupsParts {
  readonly url: string
  readonly clock: Clock
  readonly secrets: Secrets
  readonly ownKeys: OwnKeys
  token(): string
}

/** The newest messages of each chat that a backup holds. */
const MAX_MESSAGES = 20_000

/**
 * Encrypted backups of the account: its key, what is known of others' keys, and the history. Never sessions: a restored
 * device begins new ones.
 */
export class Backups {
  readonly #parts: BackupsParts

  constructor(parts: BackupsParts) {
    this.#parts = parts
  }

  /**
   * Backups are made from now on.
   *
   * @returns the recovery key, 64 letters and digits: whoever has it can read every backup, and without it nobody can
   * @throws {ParleyError} NOT_PRIMARY
   */
  async enable(): Promise<string> {
    this.#requirePrimary()
    return this.#parts.secrets.inStore(async (transaction) => {
      const known = await readRecord(transaction)
      const recoveryKey = known?.recoveryKey ?? generateRecoveryKey()
      if (known === undefined) transaction.put(keys.backup, encodeRecord({ recoveryKey, version: 0 }))
      return recoveryKey
    })
  }

  /**
   * Makes a backup and leaves it with the server, in the place of the one before.
   *
   * @returns its version
   * @throws {ParleyError} NO_BACKUPS before {@link enable}; {@link RefusedError} TOO_LARGE, BACKUP_CONFLICT …
   */
  async save(): Promise<number> {
    const { url, secrets, token } = this.#parts
    const { recoveryKey, version } = await this.#nextVersion()
    const { user } = secrets.self.current.address
    const { backupId } = backupKeys(recoveryKey, user)
    const bytes = await this.#write(recoveryKey, version)
    const headers = { 'backup-id': encodeBase64(backupId) }
    await request(url, { method: 'PUT', path: '/v1/me/backup', token: token(), bytes, headers })
    return version
  }

  /**
   * Makes a backup to be kept by the user, as a file under a passphrase. Whoever has the file can try passphrases.
   *
   * @throws {ParleyError} NO_BACKUPS before {@link enable}
   */
  async export(passphrase: string): Promise<Uint8Array> {
    // Seldom needed, and large.
    const { wrapRecoveryKey } = await import('./crypto/backup/passphrase.ts')
    const { recoveryKey, version } = await this.#nextVersion()
    return concat(await wrapRecoveryKey(recoveryKey, passphrase), await this.#write(recoveryKey, version))
  }

  async #nextVersion(): Promise<BackupRecord> {
    this.#requirePrimary()
    return this.#parts.secrets.inStore(async (transaction) => {
      const record = await readRecord(transaction)
      if (record === undefined) throw new ParleyError('NO_BACKUPS', 'Backups are not enabled')
      const next = { ...record, version: record.version + 1 }
      transaction.put(keys.backup, encodeRecord(next))
      return next
    })
  }

  async #write(recoveryKey: string, version: number): Promise<Uint8Array> {
    const { secrets, clock } = this.#parts
    const { user } = secrets.self.current.address
    const frames = await secrets.inStore((transaction) => this.#collect(transaction))
    const { writeBackup } = await import('./crypto/backup/write-backup.ts')
    const facts = { user, version, createdMs: clock.now() }
    const parts: Uint8Array[] = []
    for await (const part of writeBackup(backupKeys(recoveryKey, user), facts, frames)) parts.push(part)
    return concat(...parts)
  }

  async #collect(transaction: Transaction): Promise<readonly BackupFrame[]> {
    const { account, address } = this.#parts.ownKeys.current
    const own = await readPeer(transaction, address.user)
    if (account === undefined || own === undefined) throw notPrimary()
    const frames: BackupFrame[] = [
      { type: 'accountKey', seed: account.secretKey },
      { type: 'ownList', epoch: own.list.epoch, hash: own.hash },
    ]
    for (const { key } of await transaction.scan({ prefix: prefixes.peer, limit: 100_000 })) {
      const user = Number(key.slice(prefixes.peer.length))
      const peer = user === address.user ? undefined : await readPeer(transaction, user)
      if (peer === undefined || !peer.facts.accepted) continue
      const { verified, hosted } = peer.facts
      frames.push({ type: 'contact', user, accountKey: peer.list.accountKey, verified, hosted })
    }
    for (const chat of await readChats(transaction)) {
      const messages = await readHistory(transaction, chat.user, MAX_MESSAGES)
      for (const message of messages) frames.push({ type: 'message', record: encodeRecord(message) })
    }
    return frames
  }

  #requirePrimary(): void {
    if (this.#parts.ownKeys.current.account === undefined) throw notPrimary()
  }
}

async function readRecord(transaction: Transaction): Promise<BackupRecord | undefined> {
  return decodeRecord<BackupRecord>(await transaction.get(keys.backup))?.json
}

function notPrimary(): ParleyError {
  return new ParleyError('NOT_PRIMARY', 'Only the primary device, which has the account key, makes backups')
}
