import { CryptoError } from '../crypto/errors.ts'
import type { OwnDevice } from '../crypto/handshake/own-device.ts'
import {
  decodeSessionRecord,
  EMPTY_RECORD,
  encodeSessionRecord,
  purgeRecord,
} from '../crypto/sessions/session-record.ts'
import type { SessionRecord } from '../crypto/sessions/session-record.ts'
import type { WireAddress } from '../../proto/frames.ts'
import { keys, prefixes } from '../records.ts'
import type { Transaction } from '../store.ts'
import { readPeer } from './peer.ts'
import { identityOf } from './self.ts'
import type { Self } from './self.ts'

/** The sessions with a device. A damaged record counts as none: the peer is asked to begin a new one. */
export async function readSessions(transaction: Transaction, { user, device }: WireAddress): Promise<SessionRecord> {
  const bytes = await transaction.get(keys.session(user, device))
  if (bytes === undefined) return EMPTY_RECORD
  try {
    return decodeSessionRecord(bytes)
  } catch (error) {
    if (error instanceof CryptoError) return EMPTY_RECORD
    throw error
  }
}

export function writeSessions(transaction: Transaction, { user, device }: WireAddress, record: SessionRecord): void {
  transaction.put(keys.session(user, device), encodeSessionRecord(record))
}

export function deleteSessions(transaction: Transaction, { user, device }: WireAddress): void {
  transaction.delete(keys.session(user, device))
}

/** Drops what is too old. To be called only after a session has caught up. */
export async function purgeSessions(transaction: Transaction, now: number): Promise<void> {
  for (const { key, value } of await transaction.scan({ prefix: prefixes.session, limit: 100_000 })) {
    try {
      const record = decodeSessionRecord(value)
      const purged = purgeRecord(record, now)
      if (purged !== record) transaction.put(key, encodeSessionRecord(purged))
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      transaction.delete(key)
    }
  }
}

/** This device, as its sessions know it, with the list of its account as it is known now. */
export async function ownDevice(transaction: Transaction, self: Self): Promise<OwnDevice> {
  const own = await readPeer(transaction, self.address.user)
  if (own === undefined) throw new CryptoError('CORRUPT_STATE', 'The own device list cannot be read')
  const { address, certificate, agreement } = self
  const list = { epoch: own.list.epoch, hash: own.hash }
  return { address, identity: identityOf(self), certificate, agreementKeys: agreement, list }
}
