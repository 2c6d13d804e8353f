import { Kind } from '../proto/frames.ts'
import type { DeviceState } from './device-state.ts'
import { findOutgoing } from './history.ts'
import type { OutboxEntry } from './outbox-entry.ts'
import { encodeOutboxEntry, keys } from './records.ts'
import { scanSent } from './secrecy/send-log.ts'
import type { Transaction } from './store.ts'

/** What a server says of the last time that it was restored from a back-up: ms since 1970. */
export interface Restore {
  readonly restoredAt: number
  readonly restoredTo: number
}

/** How far this device's clock, by which it remembers when it sent something, may be from the server's. */
const CLOCK_ERROR_MS = 3_600_000

/**
 * Makes entries of what the server may have lost: messages of this device that it had accepted after the time to which it
 * was restored, and that are not known to have arrived. They keep their client ids, so whoever has one already drops it
 * and says again that it has arrived. They go to nobody who has another account key than the one that they went to.
 * It makes none for a restore that it has heard of already.
 */
export async function resendLost(
  transaction: Transaction,
  device: DeviceState,
  { restoredAt, restoredTo }: Restore,
): Promise<OutboxEntry[]> {
  if (restoredAt === 0 || restoredAt === device.record.restoredAt) return []
  const { user: own } = device.record
  const entries: OutboxEntry[] = []
  for (const { id, to, content, account } of await scanSent(transaction, restoredTo - CLOCK_ERROR_MS)) {
    const isLost = to === own || (await findOutgoing(transaction, to, id))?.status === 'accepted'
    if (!isLost) continue
    const order = device.takeOrder()
    const base = { id, order, to, kind: Kind.MESSAGE, content, account, about: [] }
    const entry: OutboxEntry = { ...base, copies: [], sealed: false }
    transaction.put(keys.outbox(order), encodeOutboxEntry(entry))
    entries.push(entry)
  }
  device.write(transaction, { restoredAt })
  return entries
}
