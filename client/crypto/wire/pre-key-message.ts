import { MAX_PAYLOAD_BYTES } from '../../../proto/limits.ts'
import { ByteReader, ByteWriter, concat, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { KEM_CIPHERTEXT_BYTES } from '../primitives/kem.ts'
import { decodeDeviceCert, DEVICE_CERT_BYTES } from './device-cert.ts'
import { readFlags, readHead, VERSION } from './head.ts'
import { decodeRatchetMessage } from './ratchet-message.ts'

export const PRE_KEY_MESSAGE = 0x03

const ONE_TIME = 1
const KEM_ONE_TIME = 2

const LIST_BYTES = 4 + KEY_BYTES
export const PRE_KEY_HEADER_BYTES = 2 + 1 + 4 * 4 + DEVICE_CERT_BYTES + KEY_BYTES + KEM_CIPHERTEXT_BYTES + LIST_BYTES

/** The newest device list that somebody knows of an account. */
export interface ListReference {
  readonly epoch: number
  readonly hash: Uint8Array
}

/**
 * What starts a session, and repeats until the first answer: 01 03 ‖ flags ‖ gen ‖ spkId ‖ opkId ‖ pqId ‖ certificate ‖
 * EK ‖ KEM ciphertext ‖ list epoch ‖ list hash, 1,426 bytes.
 */
export interface PreKeyHeader {
  /** Counts the sessions of two devices; see the order of sessions. "gen" */
  readonly generation: number
  readonly signedPreKeyId: number
  /** Absent: there was none left. */
  readonly oneTimePreKeyId: number | undefined
  readonly kemPreKeyId: number
  /** Else it is the one of last resort. */
  readonly kemOneTime: boolean
  /** Of the sending device, as signed. */
  readonly certificate: Uint8Array
  /** X25519, made for this session. "EK" */
  readonly baseKey: Uint8Array
  readonly kemCiphertext: Uint8Array
  /** Of the sender's own account, as the sender knows it. */
  readonly list: ListReference
}

/** The header ‖ length u32 ‖ a ratchet message. */
export interface PreKeyMessage extends PreKeyHeader {
  readonly message: Uint8Array
}

export function encodePreKeyHeader(header: PreKeyHeader): Uint8Array {
  const { oneTimePreKeyId, kemOneTime } = header
  const flags = (oneTimePreKeyId === undefined ? 0 : ONE_TIME) | (kemOneTime ? KEM_ONE_TIME : 0)
  return new ByteWriter(PRE_KEY_HEADER_BYTES)
    .u8(VERSION)
    .u8(PRE_KEY_MESSAGE)
    .u8(flags)
    .u32(header.generation)
    .u32(header.signedPreKeyId)
    .u32(oneTimePreKeyId ?? 0)
    .u32(header.kemPreKeyId)
    .put(header.certificate)
    .put(header.baseKey)
    .put(header.kemCiphertext)
    .u32(header.list.epoch)
    .put(header.list.hash)
    .finish()
}

/** The same header with what the sender knows of its account's list now. */
export function withList(header: Uint8Array, { epoch, hash }: ListReference): Uint8Array {
  const list = new ByteWriter(LIST_BYTES).u32(epoch).put(hash).finish()
  return concat(header.subarray(0, PRE_KEY_HEADER_BYTES - LIST_BYTES), list)
}

export function joinPreKeyMessage(header: Uint8Array, message: Uint8Array): Uint8Array {
  return new ByteWriter(header.length + 4 + message.length).put(header).u32(message.length).put(message).finish()
}

export function encodePreKeyMessage(message: PreKeyMessage): Uint8Array {
  return joinPreKeyMessage(encodePreKeyHeader(message), message.message)
}

/** The certificate's signatures are not judged here. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodePreKeyMessage(bytes: Uint8Array): PreKeyMessage {
  if (bytes.length > MAX_PAYLOAD_BYTES) malformed(`A message of ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  const header = readPreKeyHeader(reader)
  const length = reader.u32()
  const message = reader.take(length)
  reader.end()
  decodeRatchetMessage(message)
  return { ...header, message }
}

function readPreKeyHeader(reader: ByteReader): PreKeyHeader {
  readHead(reader, PRE_KEY_MESSAGE)
  const flags = readFlags(reader, ONE_TIME | KEM_ONE_TIME)
  const generation = requirePositive(reader.u32())
  const signedPreKeyId = requirePositive(reader.u32())
  const oneTime = reader.u32()
  if ((oneTime !== 0) !== ((flags & ONE_TIME) !== 0)) malformed('A one-time key without its flag, or the reverse')
  const kemPreKeyId = requirePositive(reader.u32())
  const certificate = reader.take(DEVICE_CERT_BYTES)
  decodeDeviceCert(certificate)
  return {
    generation,
    signedPreKeyId,
    oneTimePreKeyId: oneTime === 0 ? undefined : oneTime,
    kemPreKeyId,
    kemOneTime: (flags & KEM_ONE_TIME) !== 0,
    certificate,
    baseKey: reader.take(KEY_BYTES),
    kemCiphertext: reader.take(KEM_CIPHERTEXT_BYTES),
    list: { epoch: requirePositive(reader.u32()), hash: reader.take(KEY_BYTES) },
  }
}

function requirePositive(value: number): number {
  if (value === 0) malformed('A number that counts from 1 is 0')
  return value
}
