import { ByteReader, ByteWriter, concat, isZero, KEY_BYTES } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { sha256 } from '../primitives/hash.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { readUser } from './address.ts'
import { decodeDeviceCert, DEVICE_CERT_BYTES, encodeDeviceCert } from './device-cert.ts'
import type { DeviceCert } from './device-cert.ts'
import { GROUP_ID_BYTES, readGroupEpoch } from './group-id.ts'
import { readHead, VERSION } from './head.ts'

const TYPE = 0x30
const MEMBER_BYTES = 8 + 1 + KEY_BYTES
const HEAD_BYTES = 2 + GROUP_ID_BYTES + 4 + KEY_BYTES + 2 + KEY_BYTES + 2
const MEMBER = 0
const ADMIN = 1
const SETTINGS = { adminsSend: 1, adminsEditInfo: 2, membersAdd: 4, approveJoins: 8 } as const
const ALL_SETTINGS = 15

export const MAX_MEMBERS = 1_024

export interface GroupMember {
  readonly user: number
  readonly admin: boolean
  /** Of the account: under another one the user is no member. */
  readonly accountKey: Uint8Array
}

export interface GroupSettings {
  /** Only admins send messages. */
  readonly adminsSend: boolean
  /** Only admins change title, description and photo. */
  readonly adminsEditInfo: boolean
  /** Members may add members. */
  readonly membersAdd: boolean
  /** Who comes by the link waits for approval. */
  readonly approveJoins: boolean
}

/**
 * What the signer's device signs: 01 30 ‖ groupId ‖ epoch ‖ previousHash ‖ settings ‖ infoHash ‖ n ‖ n × (user ‖ role ‖
 * account key) ‖ certificate ‖ ms, 349 + 41 n bytes.
 */
export interface GroupStateBody {
  readonly groupId: Uint8Array
  /** 1, 2, 3 … */
  readonly epoch: number
  /** Of the state before; zeros in the first. */
  readonly previousHash: Uint8Array
  readonly settings: GroupSettings
  /** Commits to title, description and photo, which travel inside messages only. */
  readonly infoHash: Uint8Array
  /** 1 to 1,024, by ascending user. */
  readonly members: readonly GroupMember[]
  /** Of the device that signs. */
  readonly signer: DeviceCert
  readonly ms: number
}

/** Who is in a group, and what they may do: the server can change nothing of it. */
export interface GroupState extends GroupStateBody {
  readonly signature: Uint8Array
}

export function groupStateBody(state: GroupStateBody): Uint8Array {
  const { groupId, epoch, previousHash, settings, infoHash, members, signer, ms } = state
  const writer = new ByteWriter(HEAD_BYTES + members.length * MEMBER_BYTES + DEVICE_CERT_BYTES + 8)
  writer.u8(VERSION).u8(TYPE).put(groupId).u32(epoch).put(previousHash)
  writer.u16(settingBits(settings)).put(infoHash).u16(members.length)
  for (const { user, admin, accountKey } of members)
    writer
      .u64(user)
      .u8(admin ? ADMIN : MEMBER)
      .put(accountKey)
  return writer.put(encodeDeviceCert(signer)).u64(ms).finish()
}

export function encodeGroupState(state: GroupState): Uint8Array {
  return concat(groupStateBody(state), state.signature)
}

/** Neither its signature nor the signer's right is judged here. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeGroupState(bytes: Uint8Array): GroupState {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const groupId = reader.take(GROUP_ID_BYTES)
  const epoch = readGroupEpoch(reader)
  const previousHash = reader.take(KEY_BYTES)
  if (epoch === 1 && !isZero(previousHash)) malformed('Not the beginning of a group')
  const settings = readSettings(reader)
  const infoHash = reader.take(KEY_BYTES)
  const members = readMembers(reader)
  const signer = decodeDeviceCert(reader.take(DEVICE_CERT_BYTES))
  const ms = reader.u64()
  const signature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { groupId, epoch, previousHash, settings, infoHash, members, signer, ms, signature }
}

/** Names a state: of all its bytes, the signature included. */
export function groupStateHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes)
}

function settingBits({ adminsSend, adminsEditInfo, membersAdd, approveJoins }: GroupSettings): number {
  let bits = 0
  if (adminsSend) bits |= SETTINGS.adminsSend
  if (adminsEditInfo) bits |= SETTINGS.adminsEditInfo
  if (membersAdd) bits |= SETTINGS.membersAdd
  if (approveJoins) bits |= SETTINGS.approveJoins
  return bits
}

function readSettings(reader: ByteReader): GroupSettings {
  const bits = reader.u16()
  if ((bits & ~ALL_SETTINGS) !== 0) throw new CryptoError('UNKNOWN_VERSION', `Settings ${bits} are not known`)
  return {
    adminsSend: (bits & SETTINGS.adminsSend) !== 0,
    adminsEditInfo: (bits & SETTINGS.adminsEditInfo) !== 0,
    membersAdd: (bits & SETTINGS.membersAdd) !== 0,
    approveJoins: (bits & SETTINGS.approveJoins) !== 0,
  }
}

function readMembers(reader: ByteReader): GroupMember[] {
  const count = reader.u16()
  if (count === 0 || count > MAX_MEMBERS) malformed(`${count} members in a group`)
  if (reader.left !== count * MEMBER_BYTES + DEVICE_CERT_BYTES + 8 + SIGNATURE_BYTES) {
    malformed('Not as long as its members make it')
  }
  const members: GroupMember[] = []
  let last = 0
  for (let i = 0; i < count; i++) {
    const user = readUser(reader)
    if (user <= last) malformed('The members of a group are not in ascending order')
    members.push({ user, admin: readRole(reader) === ADMIN, accountKey: reader.take(KEY_BYTES) })
    last = user
  }
  return members
}

function readRole(reader: ByteReader): number {
  const role = reader.u8()
  if (role !== MEMBER && role !== ADMIN) malformed('Not a role')
  return role
}
