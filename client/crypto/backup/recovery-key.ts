import { ByteWriter, concat, label, ZERO_32 } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { hkdf } from '../primitives/hash.ts'
import { randomBytes } from '../primitives/random.ts'

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'
const CHARACTERS = 64
/** The largest multiple of the alphabet's size below 256: bytes above would make some characters likelier. */
const USABLE = 252

/** What follows from a recovery key for one account. */
export interface BackupKeys {
  /** Names the backup at the server, who knows its hash only: 16 bytes. */
  readonly backupId: Uint8Array
  /** For the listing. */
  readonly metaKey: Uint8Array
  /** For the backups. */
  readonly dataKey: Uint8Array
}

/** A new one: 64 characters of 36, 330 bits. To be written down by people, so no password has to be strong. */
export function generateRecoveryKey(): string {
  let key = ''
  while (key.length < CHARACTERS)
    for (const byte of randomBytes(CHARACTERS))
      if (byte < USABLE && key.length < CHARACTERS) key += ALPHABET.charAt(byte % ALPHABET.length)
  return key
}

/** As people type it: in capitals too, with blanks and hyphens between. @throws {CryptoError} MALFORMED */
export function parseRecoveryKey(text: string): string {
  const key = text.replaceAll(/[\s-]/g, '').toLowerCase()
  if (!/^[0-9a-z]{64}$/.test(key)) malformed(`Not a recovery key of ${CHARACTERS} letters and digits`)
  return key
}

/** @param recoveryKey - as {@link parseRecoveryKey} gives it */
export function backupKeys(recoveryKey: string, user: number): BackupKeys {
  const secret = new TextEncoder().encode(recoveryKey)
  const derive = (name: string, size: number): Uint8Array =>
    hkdf(secret, ZERO_32, concat(label(name), new ByteWriter(8).u64(user).finish()), size)
  return {
    backupId: derive('backup-id', 16),
    metaKey: derive('backup-meta', 32),
    dataKey: derive('backup-data', 32),
  }
}
