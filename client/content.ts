import { readContent, writeContent } from '../proto/content.gen.ts'
import type { Content, MessageReference, Version } from '../proto/content.ts'
import { DecodeError } from '../proto/decode-error.ts'
import { MAX_PAYLOAD_BYTES } from '../proto/limits.ts'
import { Reader } from '../proto/reader.ts'
import { Writer } from '../proto/writer.ts'

export type { Content } from '../proto/content.ts'

const HASH_BYTES = 16
const GROUP_BYTES = 16
const KEY_BYTES = 32

const reader = new Reader()
const writer = new Writer()

/**
 * The plaintext of a message (content.proto).
 * @throws {TypeError} for an unknown body or chat
 * @throws {RangeError} for an id that is no UUID, or an integer that is negative or not safe
 */
export function encodeContent(content: Content): Uint8Array {
  writer.begin()
  writeContent(writer, content)
  return writer.finish().slice()
}

/**
 * Reads the plaintext of a message, which its sender made: it is no less hostile than what a stranger sends. A body of a
 * later version becomes `{type: 'unknown'}`, to be shown as "needs a newer version".
 * @throws {DecodeError}
 */
export function decodeContent(bytes: Uint8Array): Content {
  if (bytes.length > MAX_PAYLOAD_BYTES) throw new DecodeError(`Content of ${bytes.length} bytes is too large`)
  reader.open(bytes)
  try {
    const content = readContent(reader, bytes.length)
    check(content)
    return content
  } finally {
    reader.close()
  }
}

/** The same; undefined for what is no content. */
export function findContent(bytes: Uint8Array): Content | undefined {
  try {
    return decodeContent(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** What the schema cannot say. */
function check({ id, chat, myList, yourList, groupState, replyTo, body }: Content): void {
  if (id === '') throw new DecodeError('Content has no id')
  if (chat.type === 'user') requireUser(chat.user, 'chat')
  if (chat.type === 'group' && chat.group.length !== GROUP_BYTES) throw new DecodeError('chat: not the id of a group')
  if (myList !== undefined) requireHash(myList, 'myList')
  if (yourList !== undefined) requireHash(yourList, 'yourList')
  if (groupState !== undefined) requireHash(groupState, 'groupState')
  if (replyTo !== undefined) requireReference(replyTo, 'replyTo')
  if (body.type === 'reaction' || body.type === 'edit' || body.type === 'delete')
    requireReference(body.target, 'target')
  if (body.type === 'readSync') for (const target of body.read) requireReference(target, 'read')
  if (body.type === 'trustSync') {
    requireUser(body.user, 'trustSync')
    if (body.accountKey.length !== KEY_BYTES) throw new DecodeError('trustSync: not an account key')
  }
  if (body.type === 'location' && !(Math.abs(body.latitude) <= 90 && Math.abs(body.longitude) <= 180)) {
    throw new DecodeError('location: not on Earth')
  }
}

function requireHash({ hash }: Version, at: string): void {
  if (hash.length !== HASH_BYTES) throw new DecodeError(`${at}: a hash of ${hash.length} bytes`)
}

function requireReference({ user, device, id }: MessageReference, at: string): void {
  requireUser(user, at)
  if (device === 0 || id === '') throw new DecodeError(`${at}: names no message`)
}

function requireUser(user: number, at: string): void {
  if (user === 0 || user > 999_999_999_999_999) throw new DecodeError(`${at}: not a user`)
}
