import { BACKUP_HEADER_BYTES, decodeBackupHeader } from '../../../client/crypto/wire/backup-header.ts'
import { CryptoError } from '../../../client/crypto/errors.ts'
import type { UserId } from '../../shared/ids.ts'
import { RefusalError } from '../../shared/refusal.ts'
import type { Backups } from '../../storage/backups.ts'
import { bytesSchema } from '../key-fields.ts'
import { type Route, type RouteLimit, tokenRoute } from '../route.ts'

const TAG = 'Account'
const ID_BYTES = 16
const LIMIT: RouteLimit = { name: 'backup', by: 'user' }
const idSchema = bytesSchema(ID_BYTES).describe('Base64 of the 16 bytes that follow from the recovery key')
const HEADERS = { 'backup-id': idSchema }

export function backupRoutes(backups: Backups, maxBytes: number): Route[] {
  return [
    tokenRoute({
      method: 'PUT',
      path: '/v1/me/backup',
      tag: TAG,
      summary: 'Store the encrypted backup of the account',
      description:
        'Replaces the one before, whose Backup-Id must be the same and whose version must be lower. The same bytes again ' +
        'do no harm.',
      bytes: { maxBytes },
      limit: LIMIT,
      headers: HEADERS,
      answers: { 204: { description: 'It is stored' } },
      errors: ['FORBIDDEN', 'BACKUP_CONFLICT'],
      async handle({ headers, rawBody }, { address: { user } }) {
        const id = requireId(headers['backup-id'])
        const version = requireVersion(user, rawBody)
        const stored = await backups.put(user, id, { version, backup: rawBody })
        if (stored.outcome === 'forbidden') {
          throw new RefusalError('FORBIDDEN', 'There is a backup under another Backup-Id')
        }
        if (stored.outcome === 'conflict') {
          const details = { version: stored.version }
          throw new RefusalError('BACKUP_CONFLICT', 'A backup of this version or a newer one is stored', { details })
        }
        return { status: 204 }
      },
    }),
    tokenRoute({
      method: 'GET',
      path: '/v1/me/backup',
      tag: TAG,
      summary: 'Fetch the encrypted backup of the account',
      limit: LIMIT,
      headers: HEADERS,
      answers: { 200: { description: 'The backup, as bytes' } },
      errors: ['NOT_FOUND'],
      async handle({ headers }, { address: { user } }) {
        const found = await backups.find(user, requireId(headers['backup-id']))
        if (found === undefined) throw new RefusalError('NOT_FOUND', 'There is no backup under this Backup-Id')
        return { status: 200, body: found.backup, headers: { 'content-type': 'application/octet-stream' } }
      },
    }),
  ]
}

function requireId(text: string): Uint8Array {
  const { data } = idSchema.safeParse(text)
  if (data === undefined) throw new RefusalError('BAD_REQUEST', 'Backup-Id must be base64 of 16 bytes')
  return data
}

/** Of a container that is of this user. What is inside is not for the server to know. */
function requireVersion(user: UserId, container: Uint8Array): number {
  try {
    const header = decodeBackupHeader(container.subarray(0, BACKUP_HEADER_BYTES))
    if (header.user !== user) throw new RefusalError('BAD_REQUEST', 'The backup is of another user')
    return header.version
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw new RefusalError('BAD_REQUEST', 'The body is no backup', { cause: error })
  }
}
