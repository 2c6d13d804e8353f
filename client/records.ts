import { Kind } from '../proto/frames.ts'
import type { Chat } from './message.ts'
import type { OutboxEntry } from './outbox.ts'

/**
 * How the client's state lies in a store. Numbers in keys are padded, so that the order of the keys is theirs. A value is
 * the length of a JSON text (32 bits, big-endian), that text, and bytes that would only grow in JSON.
 */
export const keys = {
  device: 'device',
  outbox: (order: number) => `outbox/${pad(order)}`,
  chat: (user: number) => `chat/${pad(user)}`,
  peer: (user: number) => `peer/${pad(user)}`,
  history: (user: number, order: number) => `history/${pad(user)}/${pad(order)}`,
  /** Where in the history a message is that this device sent to the user. */
  sent: (user: number, id: string) => `sent/${pad(user)}/${id}`,
  /** That a message was read here and its author is not known to know. */
  unreported: (user: number, id: string) => `unreported/${pad(user)}/${id}`,
  /** That an envelope was stored, and when. */
  mark: (user: number, device: number, id: string) => `mark/${pad(user)}.${device}/${id}`,
} as const

export const prefixes = {
  outbox: 'outbox/',
  chat: 'chat/',
  mark: 'mark/',
  unreported: 'unreported/',
  history: (user: number) => `history/${pad(user)}/`,
} as const

const FORMAT = 1

/** What the device knows of itself. */
export interface DeviceRecord {
  readonly format: number
  readonly token: string
  /** 0: not known before the first session. */
  readonly user: number
  readonly device: number
  /** The newest connection: counted up before each one is made. */
  readonly connection: number
  /** The highest message id seen in an `accepted`, as digits. */
  readonly lastMessageId: string
  /** The last delivery that was stored. */
  readonly position: { readonly connection: number; readonly seq: number }
  readonly nextOrder: number
  /** When old marks were last forgotten, ms since 1970. */
  readonly tidiedAt: number
}

export const newDevice: DeviceRecord = {
  format: FORMAT,
  token: '',
  user: 0,
  device: 0,
  connection: 0,
  lastMessageId: '0',
  position: { connection: 0, seq: 0 },
  nextOrder: 1,
  tidiedAt: 0,
}

/** What is known of another user. */
export interface PeerRecord {
  readonly devices: readonly number[]
}

export function encodeRecord(json: object, raw: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(json))
  const bytes = new Uint8Array(4 + text.length + raw.length)
  new DataView(bytes.buffer).setUint32(0, text.length)
  bytes.set(text, 4)
  bytes.set(raw, 4 + text.length)
  return bytes
}

/** undefined for a record that is absent or damaged: one such record must not block the others. */
export function decodeRecord<T extends object>(
  bytes: Uint8Array | undefined,
): { json: T; raw: Uint8Array } | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined
  const textBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + textBytes))) as T
    return { json, raw: bytes.slice(4 + textBytes) }
  } catch {
    return undefined
  }
}

/** Whether this version of the SDK understands the store of a device. */
export function isKnownFormat(record: DeviceRecord): boolean {
  return record.format === FORMAT
}

export function encodeOutboxEntry({ content, ...rest }: OutboxEntry): Uint8Array {
  return encodeRecord(rest, content)
}

export function decodeOutboxEntry(bytes: Uint8Array): OutboxEntry | undefined {
  const record = decodeRecord<Omit<OutboxEntry, 'content'>>(bytes)
  if (record === undefined || !Object.values(Kind).includes(record.json.kind)) return undefined
  return { ...record.json, content: record.raw }
}

export function encodeChat(chat: Chat): Uint8Array {
  return encodeRecord(chat)
}

function pad(value: number): string {
  return String(value).padStart(15, '0')
}
