import { concat, isZero } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { SourceReader } from '../files/byte-source.ts'
import type { ByteSource } from '../files/byte-source.ts'
import { openChunks } from '../files/open-chunks.ts'
import { paddedBytes, requirePaddedBytes } from '../files/sizes.ts'
import { BACKUP_HEADER_BYTES, decodeBackupHeader } from '../wire/backup-header.ts'
import type { BackupHeader } from '../wire/backup-header.ts'
import { decodeBackupFrame, FRAME_HEAD_BYTES, frameBodyBytes } from '../wire/backup-frame.ts'
import type { BackupFrame } from '../wire/backup-frame.ts'
import type { BackupKeys } from './recovery-key.ts'
import { backupFileKey } from './write-backup.ts'

/** A backup that lies where it can be read twice. */
export interface StoredBackup {
  readonly size: number
  /** From its first byte, each time. */
  read(): ByteSource
}

export interface ExpectedBackup {
  readonly user: number
  /** The highest version of this account's backups that is known of. */
  readonly newestVersion: number
  /** The user agreed to an older one than that. */
  readonly allowOlder: boolean
}

/** What a backup says of itself; nothing of it is known to be true before {@link readBackup}. */
export async function peekBackup(backup: StoredBackup): Promise<BackupHeader> {
  const reader = new SourceReader(backup.read())
  try {
    return decodeBackupHeader(await reader.readAll(BACKUP_HEADER_BYTES))
  } finally {
    await reader.close()
  }
}

/**
 * The frames of a backup, parsed only after all of it was found to be genuine; so it is read twice. What they give counts
 * only when the iteration ends without an error.
 *
 * @throws {CryptoError} BAD_TAG for another recovery key or a changed backup; MALFORMED, UNKNOWN_VERSION; NOT_PERMITTED
 *   for an older one than is known of
 */
export async function* readBackup(
  keys: BackupKeys,
  backup: StoredBackup,
  expected: ExpectedBackup,
): AsyncGenerator<BackupFrame, void, undefined> {
  const header = await peekBackup(backup)
  const { user, version } = header
  if (user !== expected.user) malformed("Another user's backup")
  if (version < expected.newestVersion && !expected.allowOlder)
    throw new CryptoError('NOT_PERMITTED', `Backup ${version} is older than ${expected.newestVersion}`)
  for await (const chunk of openBackup(keys, backup, header)) void chunk
  const reader = new SourceReader(openBackup(keys, backup, header))
  try {
    yield* readFrames(reader)
  } finally {
    await reader.close()
  }
}

/** @param header - the one that was judged: whatever stands there when the backup is read again, no other opens */
async function* openBackup(
  keys: BackupKeys,
  backup: StoredBackup,
  header: BackupHeader,
): AsyncGenerator<Uint8Array, void, undefined> {
  const blobSize = backup.size - BACKUP_HEADER_BYTES
  const padded = requirePaddedBytes({ blobSize, plaintextSize: 0 })
  const reader = new SourceReader(backup.read())
  try {
    await reader.readAll(BACKUP_HEADER_BYTES)
    yield* openChunks(reader, backupFileKey(keys, header), padded)
  } finally {
    await reader.close()
  }
}

async function* readFrames(reader: SourceReader): AsyncGenerator<BackupFrame, void, undefined> {
  let read = 0
  for (let count = 0; ; count++) {
    const head = await reader.readAll(FRAME_HEAD_BYTES)
    const bytes = concat(head, await reader.readAll(frameBodyBytes(head)))
    const frame = decodeBackupFrame(bytes)
    read += bytes.length
    if (frame.type !== 'end') {
      yield frame
      continue
    }
    if (frame.frames !== count) malformed(`${count} frames instead of ${frame.frames}`)
    return requirePadding(reader, paddedBytes(read) - read)
  }
}

async function requirePadding(reader: SourceReader, size: number): Promise<void> {
  for (let left = size; left > 0;) {
    const zeros = await reader.readAll(Math.min(left, 4_096))
    if (!isZero(zeros)) malformed('Something follows the last frame')
    left -= zeros.length
  }
  if (await reader.hasMore()) malformed('Something follows the last frame')
}
