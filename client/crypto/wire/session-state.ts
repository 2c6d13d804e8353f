import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, compare, concat, isZero, KEY_BYTES, ZERO_32 } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { sha256 } from '../primitives/hash.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { ADDRESS_BYTES, encodeAddress, readAddress } from './address.ts'
import { readFlags, readHead, VERSION } from './head.ts'
import { encodeIdentity, IDENTITY_BYTES, readIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { PRE_KEY_HEADER_BYTES } from './pre-key-message.ts'
import { readRegistrationId } from './registration-id.ts'

const TYPE = 0xa0
const Flag = { INITIATOR: 1, ACKNOWLEDGED: 2, CLOSED: 4, PEER_KEY: 8, SENDING: 16, RECEIVING: 32 } as const
const ALL_FLAGS = 63

const CHECKSUM_BYTES = 8
const PARTIES_BYTES = 2 * (ADDRESS_BYTES + IDENTITY_BYTES) + 4
/** Of what every session has, without the checksum. */
const FIXED_BYTES = 2 + KEY_BYTES + 1 + 4 + 8 + 4 + PARTIES_BYTES + 8 * KEY_BYTES + 3 * 4 + 1 + 2 + 2

/** Of one skipped key: ratchet key ‖ number u32 ‖ message key ‖ ms u64. */
export const SKIPPED_BYTES = KEY_BYTES + 4 + KEY_BYTES + 8
export const MAX_SKIPPED = 1_000
export const MAX_CONSUMED = 5

/** One side of a Double Ratchet. */
export interface RatchetState {
  /** "RK" */
  readonly rootKey: Uint8Array
  /** The own ratchet keys. "DHs" */
  readonly own: KeyPair
  /** The peer's ratchet key. "DHr" */
  readonly peerKey: Uint8Array | undefined
  /** "CKs" */
  readonly sendingKey: Uint8Array | undefined
  /** Messages of the sending chain. "Ns" */
  readonly sent: number
  /** "CKr" */
  readonly receivingKey: Uint8Array | undefined
  /** Messages of the receiving chain, skipped ones included. "Nr" */
  readonly received: number
  /** Messages of the sending chain before. "PN" */
  readonly previousSent: number
  /** The last of the peer's ratchet keys before `peerKey`, oldest first. */
  readonly consumed: readonly Uint8Array[]
  /** Keys of messages that have not come yet, oldest first, as they are stored: entries of {@link SKIPPED_BYTES}. */
  readonly skipped: Uint8Array
}

export interface SessionPeer {
  readonly address: WireAddress
  readonly identity: Identity
  readonly registrationId: number
}

/** A session of this device with another one. */
export interface SessionState {
  /** The same on both sides, and known to them alone. "sid" */
  readonly id: Uint8Array
  readonly initiator: boolean
  /** The peer has shown that it has the session. */
  readonly acknowledged: boolean
  /** It only receives. */
  readonly closed: boolean
  readonly generation: number
  readonly createdMs: number
  /** Messages of both directions. */
  readonly count: number
  readonly local: { readonly address: WireAddress; readonly identity: Identity }
  readonly remote: SessionPeer
  /** The key that the initiator made for it. "EK" */
  readonly baseKey: Uint8Array
  /** What the keys of signals come from. "sigRoot" */
  readonly signalRoot: Uint8Array
  readonly ratchet: RatchetState
  /** The header that goes before each message until the peer has answered. */
  readonly pending: Uint8Array | undefined
}

/** 552 bytes, 32 for each consumed key, 76 for each skipped one, and 1,426 while a header is pending. */
export function encodeSessionState(state: SessionState): Uint8Array {
  const { local, remote, ratchet, pending } = state
  const { own, consumed, skipped } = ratchet
  const size = FIXED_BYTES + consumed.length * KEY_BYTES + skipped.length + (pending?.length ?? 0)
  const writer = new ByteWriter(size).u8(VERSION).u8(TYPE).put(state.id).u8(flagsOf(state))
  writer.u32(state.generation).u64(state.createdMs).u32(state.count)
  writer.put(encodeAddress(local.address)).put(encodeIdentity(local.identity))
  writer.put(encodeAddress(remote.address)).put(encodeIdentity(remote.identity)).u32(remote.registrationId)
  writer.put(state.baseKey).put(state.signalRoot).put(ratchet.rootKey).put(own.secretKey).put(own.publicKey)
  writer.put(ratchet.peerKey ?? ZERO_32)
  writer.put(ratchet.sendingKey ?? ZERO_32).u32(ratchet.sent)
  writer
    .put(ratchet.receivingKey ?? ZERO_32)
    .u32(ratchet.received)
    .u32(ratchet.previousSent)
  writer.u8(consumed.length)
  for (const key of consumed) writer.put(key)
  writer.u16(skipped.length / SKIPPED_BYTES).put(skipped)
  writer.u16(pending?.length ?? 0)
  if (pending !== undefined) writer.put(pending)
  const body = writer.finish()
  return concat(body, checksum(body))
}

/** @throws {CryptoError} CORRUPT_STATE, MALFORMED, UNKNOWN_VERSION */
export function decodeSessionState(bytes: Uint8Array): SessionState {
  const body = bytes.subarray(0, -CHECKSUM_BYTES)
  if (compare(checksum(body), bytes.subarray(-CHECKSUM_BYTES)) !== 0)
    throw new CryptoError('CORRUPT_STATE', 'The checksum of a session is wrong')
  const reader = new ByteReader(body)
  readHead(reader, TYPE)
  const id = reader.take(KEY_BYTES)
  const flags = readFlags(reader, ALL_FLAGS)
  const state = {
    id,
    initiator: (flags & Flag.INITIATOR) !== 0,
    acknowledged: (flags & Flag.ACKNOWLEDGED) !== 0,
    closed: (flags & Flag.CLOSED) !== 0,
    generation: reader.u32(),
    createdMs: reader.u64(),
    count: reader.u32(),
    local: { address: readAddress(reader), identity: readIdentity(reader) },
    remote: {
      address: readAddress(reader),
      identity: readIdentity(reader),
      registrationId: readRegistrationId(reader),
    },
    baseKey: reader.take(KEY_BYTES),
    signalRoot: reader.take(KEY_BYTES),
    ratchet: readRatchet(reader, flags),
    pending: readPending(reader),
  }
  reader.end()
  return state
}

function readRatchet(reader: ByteReader, flags: number): RatchetState {
  const rootKey = reader.take(KEY_BYTES)
  const secretKey = reader.take(KEY_BYTES)
  const own = { secretKey, publicKey: reader.take(KEY_BYTES) }
  const peerKey = readOptional(reader, (flags & Flag.PEER_KEY) !== 0)
  const sendingKey = readOptional(reader, (flags & Flag.SENDING) !== 0)
  const sent = reader.u32()
  const receivingKey = readOptional(reader, (flags & Flag.RECEIVING) !== 0)
  const received = reader.u32()
  const previousSent = reader.u32()
  const consumed: Uint8Array[] = []
  const count = reader.u8()
  if (count > MAX_CONSUMED) malformed(`${count} consumed keys`)
  for (let i = 0; i < count; i++) consumed.push(reader.take(KEY_BYTES))
  const skippedCount = reader.u16()
  if (skippedCount > MAX_SKIPPED) malformed(`${skippedCount} skipped keys`)
  const skipped = reader.take(skippedCount * SKIPPED_BYTES)
  return { rootKey, own, peerKey, sendingKey, sent, receivingKey, received, previousSent, consumed, skipped }
}

function readOptional(reader: ByteReader, present: boolean): Uint8Array | undefined {
  const key = reader.take(KEY_BYTES)
  if (!present && !isZero(key)) malformed('A key that is said to be absent')
  return present ? key : undefined
}

function readPending(reader: ByteReader): Uint8Array | undefined {
  const length = reader.u16()
  if (length === 0) return undefined
  if (length !== PRE_KEY_HEADER_BYTES) malformed(`A pending header of ${length} bytes`)
  return reader.take(length)
}

function flagsOf({ initiator, acknowledged, closed, ratchet }: SessionState): number {
  let flags = 0
  if (initiator) flags |= Flag.INITIATOR
  if (acknowledged) flags |= Flag.ACKNOWLEDGED
  if (closed) flags |= Flag.CLOSED
  if (ratchet.peerKey !== undefined) flags |= Flag.PEER_KEY
  if (ratchet.sendingKey !== undefined) flags |= Flag.SENDING
  if (ratchet.receivingKey !== undefined) flags |= Flag.RECEIVING
  return flags
}

/** Against damage, not against people: what stores it encrypts it. */
function checksum(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).subarray(0, CHECKSUM_BYTES)
}
