import { argon2idAsync } from '@noble/hashes/argon2.js'
import { concat, label, ZERO_32 } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { hkdf } from '../primitives/hash.ts'
import { randomBytes } from '../primitives/random.ts'
import { NONCE_BYTES, openBox, sealBox } from '../primitives/secretbox.ts'
import { decodePassphraseBox, encodePassphraseBox, encodePassphraseHeader } from '../wire/passphrase-box.ts'
import type { PassphraseCost } from '../wire/passphrase-box.ts'
import { parseRecoveryKey } from './recovery-key.ts'

/** About a second in plain JavaScript; above the least that OWASP's password storage guide advises (19 MiB, 2 passes). */
const COST: PassphraseCost = { memoryKiB: 32 * 1024, passes: 2, lanes: 1 }

/**
 * Puts a recovery key under a passphrase. The backup itself stays under the recovery key, which is random; the box goes in
 * front of a backup that its owner keeps himself, as a file. Whoever has the box can try passphrases, as fast as he can
 * compute Argon2id: no server counts his tries, so it is not sent to one.
 *
 * The key of the box is HKDF(Argon2id(passphrase in NFKC, salt), zeros, L("backup-passphrase") ‖ the box's header).
 *
 * @returns 144 bytes
 * @throws {CryptoError} MALFORMED for an empty passphrase
 */
export async function wrapRecoveryKey(
  recoveryKey: string,
  passphrase: string,
  cost: PassphraseCost = COST,
): Promise<Uint8Array> {
  const salt = randomBytes(32)
  const key = await boxKey(passphrase, cost, salt)
  const nonce = randomBytes(NONCE_BYTES)
  const box = sealBox(new TextEncoder().encode(recoveryKey), nonce, key)
  return encodePassphraseBox({ cost, salt, nonce, box })
}

/** @throws {CryptoError} BAD_TAG for another passphrase; MALFORMED, UNKNOWN_VERSION */
export async function unwrapRecoveryKey(bytes: Uint8Array, passphrase: string): Promise<string> {
  const { cost, salt, nonce, box } = decodePassphraseBox(bytes)
  const content = openBox(box, nonce, await boxKey(passphrase, cost, salt))
  if (content === undefined) throw new CryptoError('BAD_TAG', 'Another passphrase')
  return parseRecoveryKey(new TextDecoder().decode(content))
}

async function boxKey(passphrase: string, cost: PassphraseCost, salt: Uint8Array): Promise<Uint8Array> {
  if (passphrase === '') malformed('An empty passphrase')
  const { memoryKiB: m, passes: t, lanes: p } = cost
  const stretched = await argon2idAsync(passphrase.normalize('NFKC'), salt, { m, t, p, dkLen: 32 })
  return hkdf(stretched, ZERO_32, concat(label('backup-passphrase'), encodePassphraseHeader({ cost, salt })), 32)
}
