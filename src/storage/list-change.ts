import type { ClientBase } from 'pg'
import type { DeviceId, UserId } from '../shared/ids.ts'
import { findCerts, findTip, follows, insertList, ListConflictError } from './device-lists.ts'
import type { CertRow, SignedCert, SignedList } from './device-lists.ts'

export type ListRefusal =
  /** The account is gone, or its primary is being registered again. */
  | 'gone'
  /** Another account key comes with a registration alone. */
  | 'other account key'
  /** The certificate of an entry is neither given nor known. */
  | 'no certificate'
  /** A place was taken by new keys under the old registration id. */
  | 'same registration id'
  /** The certificate says otherwise than the registration whether the device is hosted. */
  | 'hosted differs'

/** A list that cannot be taken, whatever the epoch. */
export class ListRefusedError extends Error {
  override readonly name = 'ListRefusedError'
  readonly refusal: ListRefusal

  constructor(refusal: ListRefusal) {
    super(`The list is not taken: ${refusal}`)
    this.refusal = refusal
  }
}

/** What a list has changed. */
export interface ListChange {
  /** Devices that are no more. */
  readonly removed: readonly DeviceId[]
  /** The list names other devices, or devices with other keys, than the one before. */
  readonly devicesChanged: boolean
}

const PRIMARY = 1
const NOTHING: ListChange = { removed: [], devicesChanged: false }

interface DeviceRow {
  device: DeviceId
  registration_id: number
  hosted: boolean
}

/**
 * Adds a list to the chain of its account, and removes the devices that it does not name; within a transaction. The same
 * list again changes nothing.
 * @throws ListConflictError, ListRefusedError
 */
export async function putList(
  client: ClientBase,
  user: UserId,
  list: SignedList,
  certs: readonly SignedCert[],
): Promise<ListChange> {
  // Lists of one account come one after the other.
  const owner = await client.query('SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
  const tip = await findTip(client, user)
  if (tip?.hash.equals(list.hash)) return NOTHING
  if (owner.rowCount === 0) throw new ListRefusedError('gone')
  if (tip !== undefined && !tip.accountKey.equals(list.accountKey)) throw new ListRefusedError('other account key')
  if (!follows(list, tip)) throw new ListConflictError(tip?.bytes)
  const known = await findCerts(client, user)
  const added = chooseCerts(list, certs, known)
  const { rows } = await client.query<DeviceRow>(
    'SELECT device, registration_id, hosted FROM devices WHERE user_id = $1 ORDER BY device FOR UPDATE',
    [user],
  )
  const primary = rows.find(({ device }) => device === PRIMARY)
  if (primary === undefined) throw new ListRefusedError('gone')
  const cert = added.find(({ device }) => device === PRIMARY) ?? toCert(known.find(({ device }) => device === PRIMARY))
  if (cert !== undefined && cert.registrationId !== primary.registration_id) {
    await certifyPrimary(client, user, primary, cert)
  }
  const removed = rows.filter((row) => isRemoved(row, list, added)).map(({ device }) => device)
  await client.query('DELETE FROM devices WHERE user_id = $1 AND device = ANY ($2::smallint[])', [user, removed])
  await insertList(client, user, list, added)
  const same = added.length === 0 && known.length === list.devices.length
  return { removed, devicesChanged: !same || removed.length > 0 }
}

/** Of the given certificates those that are new. Each entry must have one, given or known. */
function chooseCerts(list: SignedList, given: readonly SignedCert[], known: readonly CertRow[]): SignedCert[] {
  return list.devices.flatMap(({ device, certHash }) => {
    const before = known.find((one) => one.device === device)
    if (before?.hash.equals(certHash)) return []
    const cert = given.find((one) => one.device === device && Buffer.compare(one.hash, certHash) === 0)
    if (cert === undefined) throw new ListRefusedError('no certificate')
    if (before?.registration_id === cert.registrationId) throw new ListRefusedError('same registration id')
    return [cert]
  })
}

function toCert(row: CertRow | undefined): SignedCert | undefined {
  return row && { ...row, registrationId: row.registration_id, bytes: row.cert }
}

/** The primary has new keys: it keeps its token, and gives pre-keys again. */
async function certifyPrimary(client: ClientBase, user: UserId, row: DeviceRow, cert: SignedCert): Promise<void> {
  if (row.hosted !== cert.hosted) throw new ListRefusedError('hosted differs')
  for (const table of ['signed_pre_keys', 'one_time_pre_keys', 'kem_one_time_pre_keys']) {
    await client.query(`DELETE FROM ${table} WHERE user_id = $1 AND device = $2`, [user, row.device])
  }
  await client.query('UPDATE devices SET registration_id = $3, keys_low = 0 WHERE user_id = $1 AND device = $2', [
    user,
    row.device,
    cert.registrationId,
  ])
}

/** A companion is gone when the list does not name it, or names another installation in its place. */
function isRemoved({ device }: DeviceRow, list: SignedList, added: readonly SignedCert[]): boolean {
  if (device === PRIMARY) return false
  return !list.devices.some((one) => one.device === device) || added.some((one) => one.device === device)
}
