import { ByteReader, ByteWriter } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { BOX_BYTES, NONCE_BYTES } from '../primitives/secretbox.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0x61
const SALT_BYTES = 32
/** Of a recovery key, as ASCII. */
const KEY_CHARACTERS = 64
const PASSPHRASE_HEADER_BYTES = 2 + 4 + 1 + 1 + SALT_BYTES
export const PASSPHRASE_BOX_BYTES = PASSPHRASE_HEADER_BYTES + NONCE_BYTES + KEY_CHARACTERS + BOX_BYTES

/** What others may make this device compute: 1 GiB, 16 passes, 4 lanes. */
const MAX_COST = { memoryKiB: 1024 * 1024, passes: 16, lanes: 4 }

/** The parameters of Argon2id (RFC 9106). */
export interface PassphraseCost {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
}

/**
 * A recovery key under a passphrase: 01 61 ‖ memoryKiB u32 ‖ passes u8 ‖ lanes u8 ‖ salt 32 ‖ nonce 24 ‖ secretbox of its 64
 * characters, 144 bytes.
 */
export interface PassphraseBox {
  readonly cost: PassphraseCost
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly box: Uint8Array
}

export function encodePassphraseHeader({ cost, salt }: Pick<PassphraseBox, 'cost' | 'salt'>): Uint8Array {
  const writer = new ByteWriter(PASSPHRASE_HEADER_BYTES)
  return writer.u8(VERSION).u8(TYPE).u32(cost.memoryKiB).u8(cost.passes).u8(cost.lanes).put(salt).finish()
}

export function encodePassphraseBox(box: PassphraseBox): Uint8Array {
  const header = encodePassphraseHeader(box)
  return new ByteWriter(header.length + box.nonce.length + box.box.length)
    .put(header)
    .put(box.nonce)
    .put(box.box)
    .finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodePassphraseBox(bytes: Uint8Array): PassphraseBox {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const cost = { memoryKiB: reader.u32(), passes: reader.u8(), lanes: reader.u8() }
  requireCost(cost)
  const salt = reader.take(SALT_BYTES)
  const nonce = reader.take(NONCE_BYTES)
  const box = reader.take(KEY_CHARACTERS + BOX_BYTES)
  reader.end()
  return { cost, salt, nonce, box }
}

function requireCost({ memoryKiB, passes, lanes }: PassphraseCost): void {
  const within = memoryKiB <= MAX_COST.memoryKiB && passes <= MAX_COST.passes && lanes <= MAX_COST.lanes
  // RFC 9106 section 3.1: at least 8 KiB a lane.
  if (!within || passes < 1 || lanes < 1 || memoryKiB < 8 * lanes) malformed('Parameters of Argon2id out of range')
}
