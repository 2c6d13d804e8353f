import { encodeBase64 } from '../proto/base64.ts'
import { orderAt } from './chat-order.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { unwrapRecoveryKey } from './crypto/backup/passphrase.ts'
import { peekBackup, readBackup } from './crypto/backup/read-backup.ts'
import { backupKeys, parseRecoveryKey } from './crypto/backup/recovery-key.ts'
import { acceptLists } from './crypto/devices/accept-lists.ts'
import { CryptoError } from './crypto/errors.ts'
import { choosePrimitives } from './crypto/primitives/platform.ts'
import type { Primitives } from './crypto/primitives/primitives.ts'
import type { BackupFrame } from './crypto/wire/backup-frame.ts'
import { PASSPHRASE_BOX_BYTES } from './crypto/wire/passphrase-box.ts'
import { DeviceState } from './device-state.ts'
import { RefusedError } from './errors.ts'
import { addIncoming, addOutgoing } from './history.ts'
import { requestBytes } from './http.ts'
import { markPlace } from './marks.ts'
import type { Message, OutgoingMessage } from './message.ts'
import { decodeRecord, encodeRecord, keys } from './records.ts'
import { postVerify } from './register.ts'
import type { Account, VerifyOptions } from './register.ts'
import { HttpKeyServer } from './secrecy/http-key-server.ts'
import type { KnownAccount } from './secrecy/new-device.ts'
import { makeKeys } from './secrecy/own-keys.ts'
import { writePin } from './secrecy/peer.ts'
import type { Transaction } from './store.ts'

export interface RestoreOptions extends VerifyOptions {
  /** The backup that the server has, by its recovery key; or a file, by its passphrase. */
  readonly backup: { readonly recoveryKey: string } | BackupFile
}

interface BackupFile {
  readonly file: Uint8Array
  readonly passphrase: string
}

export interface Restored extends Account {
  readonly messages: number
}

/**
 * Makes this device, whose store is empty, the primary one of an account that has a backup: with its key, so that others
 * see a new device and no new account, and with its history.
 *
 * @throws {ParleyError} BAD_TAG for another recovery key or passphrase, or a changed backup; STALE_DEVICE_LIST when the
 *   server hides newer device lists than the backup knew; {@link RefusedError} WRONG_CODE, NOT_FOUND …
 */
export async function restore(url: string, phone: string, code: string, options: RestoreOptions): Promise<Restored> {
  const { store, backup, provider, clock = systemClock } = options
  const primitives = await choosePrimitives(provider)
  const user = Number(phone.replace('+', ''))
  // A wrong passphrase, or a recovery key of no backup, is found out before anything is registered.
  const known = 'file' in backup ? await openFile(user, backup) : parseRecoveryKey(backup.recoveryKey)
  const backupId = typeof known === 'string' ? backupKeys(known, user).backupId : undefined
  const account = await postVerify(url, phone, code, options, undefined, backupId)
  const opened = typeof known === 'string' ? await openStored(url, account, known) : known
  const server = new HttpKeyServer(url, () => account.token)
  const chain = await findChain(primitives, server, user, opened.frames, clock)
  const messages = await store.transaction(async (transaction) => {
    await makeKeys({ primitives, clock }, transaction, { user, device: account.device }, { known: chain })
    const device = await DeviceState.read(transaction)
    device.write(transaction, account)
    transaction.put(keys.backup, encodeRecord({ recoveryKey: opened.recoveryKey, version: opened.version }))
    return takeFrames(transaction, opened.frames, device, clock)
  })
  return { ...account, messages }
}

interface Opened {
  readonly recoveryKey: string
  readonly version: number
  readonly frames: readonly BackupFrame[]
}

async function openFile(user: number, { file, passphrase }: BackupFile): Promise<Opened> {
  const recoveryKey = await unwrapRecoveryKey(file.slice(0, PASSPHRASE_BOX_BYTES), passphrase)
  return open(user, recoveryKey, file.slice(PASSPHRASE_BOX_BYTES))
}

async function openStored(url: string, { user, token }: Account, recoveryKey: string): Promise<Opened> {
  const headers = { 'backup-id': encodeBase64(backupKeys(recoveryKey, user).backupId) }
  const path = '/v1/me/backup'
  return open(user, recoveryKey, await requestBytes(url, { method: 'GET', path, token, headers }))
}

async function open(user: number, recoveryKey: string, bytes: Uint8Array): Promise<Opened> {
  const stored = {
    size: bytes.length,
    async *read() {
      yield bytes
    },
  }
  const frames: BackupFrame[] = []
  const expected = { user, newestVersion: 0, allowOlder: false }
  for await (const frame of readBackup(backupKeys(recoveryKey, user), stored, expected)) frames.push(frame)
  const { version } = await peekBackup(stored)
  return { recoveryKey, version, frames }
}

/** The account's key, and where its chain of lists stands: not below what the backup knew. */
async function findChain(
  primitives: Primitives,
  server: HttpKeyServer,
  user: number,
  frames: readonly BackupFrame[],
  clock: Clock,
): Promise<KnownAccount> {
  const key = frames.find((frame) => frame.type === 'accountKey')
  const own = frames.find((frame) => frame.type === 'ownList')
  if (key === undefined || own === undefined) throw new CryptoError('MALFORMED', 'A backup without an account')
  const account = primitives.signingFromSeed(key.seed)
  const pinned = { accountKey: account.publicKey, tip: { epoch: own.epoch, hash: own.hash } }
  try {
    const { lists } = await server.lists(user, own.epoch)
    const newest = await acceptLists(primitives, user, pinned, lists, clock.now())
    return { keys: account, tip: { epoch: newest.epoch, hash: newest.hash } }
  } catch (error) {
    // A server that has never heard of the account: its chain begins again at the first list.
    if (error instanceof RefusedError && error.code === 'NO_KEYS') return { keys: account, tip: undefined }
    throw error
  }
}

async function takeFrames(
  transaction: Transaction,
  frames: readonly BackupFrame[],
  device: DeviceState,
  clock: Clock,
): Promise<number> {
  let messages = 0
  for (const frame of frames) {
    if (frame.type === 'contact') {
      const { verified, hosted } = frame
      writePin(transaction, frame.user, { accountKey: encodeBase64(frame.accountKey), verified, hosted })
    } else if (frame.type === 'message') {
      const message = decodeRecord<Message>(frame.record)?.json
      if (message === undefined) continue
      messages += 1
      if (message.direction === 'out') await addOutgoing(transaction, endWaiting(message))
      else {
        const { order } = await addIncoming(transaction, message)
        const from = { user: message.chat, device: message.device }
        markPlace(transaction, from, message.id, order, clock.now())
      }
    }
  }
  device.write(transaction)
  return messages
}

/** The outbox is no part of a backup: the person decides whether what waited then goes out. */
function endWaiting(message: OutgoingMessage): OutgoingMessage {
  if (message.status !== 'waiting') return message
  return { ...message, status: 'failed', error: 'RESTORED', order: orderAt(message.sentAt) }
}
