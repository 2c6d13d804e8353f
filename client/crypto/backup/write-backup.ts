import { concat, label } from '../bytes.ts'
import { FileEncryption } from '../files/encrypt-file.ts'
import { hkdf } from '../primitives/hash.ts'
import { randomBytes } from '../primitives/random.ts'
import { encodeBackupFrame } from '../wire/backup-frame.ts'
import type { BackupFrame } from '../wire/backup-frame.ts'
import { encodeBackupHeader } from '../wire/backup-header.ts'
import type { BackupHeader } from '../wire/backup-header.ts'
import type { BackupKeys } from './recovery-key.ts'

/** Of which account it is, its number, and when it was made. */
export type BackupFacts = Omit<BackupHeader, 'salt'>

/** The bytes of a backup, made while they are read. */
export async function* writeBackup(
  keys: BackupKeys,
  facts: BackupFacts,
  frames: AsyncIterable<BackupFrame> | Iterable<BackupFrame>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const header: BackupHeader = { ...facts, salt: randomBytes(32) }
  yield encodeBackupHeader(header)
  yield* new FileEncryption(encodeFrames(frames), backupFileKey(keys, header)).blob()
}

/** Of the header too, so that header and body are one. */
export function backupFileKey({ dataKey }: BackupKeys, header: BackupHeader): Uint8Array {
  return hkdf(dataKey, header.salt, concat(label('backup'), encodeBackupHeader(header)), 32)
}

async function* encodeFrames(
  frames: AsyncIterable<BackupFrame> | Iterable<BackupFrame>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let count = 0
  for await (const frame of frames) {
    yield encodeBackupFrame(frame)
    count++
  }
  yield encodeBackupFrame({ type: 'end', frames: count })
}
