import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { readUser } from './address.ts'
import { GROUP_ID_BYTES } from './group-id.ts'
import { readFlags } from './head.ts'

/** What a frame's body may have. */
export const MAX_FRAME_BODY_BYTES = 128 * 1024
export const FRAME_HEAD_BYTES = 5

const END = 0
const ACCOUNT_KEY = 1
const OWN_LIST = 2
const CONTACT = 3
const GROUP = 4
const MESSAGE = 5

const VERIFIED = 1
const HOSTED = 2

/** One thing that a backup holds. Sessions, chains and one-time keys are never among them: a restored device makes its own. */
export type BackupFrame =
  /** The seed of the account's signing key: 32 bytes. */
  | { readonly type: 'accountKey'; readonly seed: Uint8Array }
  /** The account's own device list, as it was when the backup was made: an older one from the server is refused. */
  | { readonly type: 'ownList'; readonly epoch: number; readonly hash: Uint8Array }
  | BackupContact
  /** Where the chain of a group's states is known from. */
  | { readonly type: 'group'; readonly groupId: Uint8Array; readonly epoch: number; readonly stateHash: Uint8Array }
  /** As the history keeps it: the bytes are its own matter. */
  | { readonly type: 'message'; readonly record: Uint8Array }

export interface BackupContact {
  readonly type: 'contact'
  readonly user: number
  /** The account key that is pinned. */
  readonly accountKey: Uint8Array
  /** The safety numbers were compared. */
  readonly verified: boolean
  /** A hosted device 1 was once seen under this key. */
  readonly hosted: boolean
}

/** The last frame: how many came before it. */
export interface BackupEnd {
  readonly type: 'end'
  readonly frames: number
}

/** Length of the body u32 ‖ type u8 ‖ body. @throws {CryptoError} MALFORMED for too long a message */
export function encodeBackupFrame(frame: BackupFrame | BackupEnd): Uint8Array {
  const [type, body] = encodeBody(frame)
  if (body.length > MAX_FRAME_BODY_BYTES) malformed(`A frame of ${body.length} bytes`)
  return new ByteWriter(FRAME_HEAD_BYTES + body.length).u32(body.length).u8(type).put(body).finish()
}

/** How many bytes follow the first five of a frame. @throws {CryptoError} MALFORMED when they are too many */
export function frameBodyBytes(head: Uint8Array): number {
  const size = new ByteReader(head).u32()
  if (size > MAX_FRAME_BODY_BYTES) malformed(`A frame of ${size} bytes`)
  return size
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeBackupFrame(bytes: Uint8Array): BackupFrame | BackupEnd {
  const size = frameBodyBytes(bytes)
  const reader = new ByteReader(bytes.subarray(4))
  const type = reader.u8()
  if (reader.left !== size) malformed(`${reader.left} bytes in a frame of ${size}`)
  const frame = readBody(type, reader)
  reader.end()
  return frame
}

function encodeBody(frame: BackupFrame | BackupEnd): readonly [type: number, body: Uint8Array] {
  switch (frame.type) {
    case 'end':
      return [END, new ByteWriter(4).u32(frame.frames).finish()]
    case 'accountKey':
      return [ACCOUNT_KEY, frame.seed]
    case 'ownList':
      return [OWN_LIST, new ByteWriter(4 + KEY_BYTES).u32(frame.epoch).put(frame.hash).finish()]
    case 'contact': {
      const flags = (frame.verified ? VERIFIED : 0) | (frame.hosted ? HOSTED : 0)
      return [CONTACT, new ByteWriter(8 + KEY_BYTES + 1).u64(frame.user).put(frame.accountKey).u8(flags).finish()]
    }
    case 'group': {
      const writer = new ByteWriter(GROUP_ID_BYTES + 4 + KEY_BYTES)
      return [GROUP, writer.put(frame.groupId).u32(frame.epoch).put(frame.stateHash).finish()]
    }
    case 'message':
      return [MESSAGE, frame.record]
  }
}

function readBody(type: number, reader: ByteReader): BackupFrame | BackupEnd {
  switch (type) {
    case END:
      return { type: 'end', frames: reader.u32() }
    case ACCOUNT_KEY:
      return { type: 'accountKey', seed: reader.take(KEY_BYTES) }
    case OWN_LIST:
      return { type: 'ownList', epoch: reader.u32(), hash: reader.take(KEY_BYTES) }
    case CONTACT: {
      const user = readUser(reader)
      const accountKey = reader.take(KEY_BYTES)
      const flags = readFlags(reader, VERIFIED | HOSTED)
      return { type: 'contact', user, accountKey, verified: (flags & VERIFIED) !== 0, hosted: (flags & HOSTED) !== 0 }
    }
    case GROUP:
      return {
        type: 'group',
        groupId: reader.take(GROUP_ID_BYTES),
        epoch: reader.u32(),
        stateHash: reader.take(KEY_BYTES),
      }
    case MESSAGE:
      return { type: 'message', record: reader.take(reader.left) }
    default:
      throw new CryptoError('UNKNOWN_VERSION', `A backup has frames of type ${type}`)
  }
}
