import { Kind } from '../proto/frames.ts'
import { concat } from './crypto/bytes.ts'
import type { Chat } from './message.ts'
import type { OutboxEntry } from './outbox-entry.ts'

/**
 * How the client's state lies in a store. Numbers in keys are padded, so that the order of the keys is theirs. A value is
 * the length of a JSON text (32 bits, big-endian), that text, and bytes that would only grow in JSON.
 */
export const keys = {
  device: 'device',
  outbox: (order: number) => `outbox/${pad(order)}`,
  chat: (user: number) => `chat/${pad(user)}`,
  /** The secrets of this device. */
  self: 'self',
  /** Keys that the server does not have yet. */
  unpublished: 'unpublished',
  /** A user's account key, device list and certificates, verified. */
  peer: (user: number) => `peer/${pad(user)}`,
  /** What a backup remembers of a user's account key. */
  pin: (user: number) => `pin/${pad(user)}`,
  /** How backups are made, and the newest. */
  backup: 'backup',
  /** The sessions with a device. */
  session: (user: number, device: number) => `session/${pad(user)}.${device}`,
  preKey: (pool: string, id: number) => `preKey/${pool}/${pad(id)}`,
  /** That a first message came which used no one-time key, so that it is not taken twice. */
  baseKey: (name: string) => `baseKey/${name}`,
  baseKeyCount: (pair: string) => `baseKeyCount/${pair}`,
  /** What was sent, for devices that could not read it. */
  sendLog: (id: string) => `sendLog/${id}`,
  /** How often a device asked for something again. */
  retries: (id: string, user: number, device: number) => `retries/${id}/${pad(user)}.${device}`,
  /** That a newly linked device is to get the history. */
  historyFor: (device: number) => `historyFor/${device}`,
  /** An envelope that can be opened only when more is known. */
  later: (order: number) => `later/${pad(order)}`,
  history: (user: number, order: number) => `history/${pad(user)}/${pad(order)}`,
  /** Where in the history a message is that this device sent to the user. */
  sent: (user: number, id: string) => `sent/${pad(user)}/${id}`,
  /** That a message was read here and its author is not known to know. */
  unreported: (user: number, id: string) => `unreported/${pad(user)}/${id}`,
  /** What was told of a message that has not come yet. */
  early: (chat: number, message: string) => `early/${pad(chat)}/${message}`,
  /** That an envelope was stored, and when. */
  mark: (user: number, device: number, id: string) => `mark/${pad(user)}.${device}/${id}`,
} as const

export const prefixes = {
  outbox: 'outbox/',
  chat: 'chat/',
  mark: 'mark/',
  unreported: 'unreported/',
  history: (user: number) => `history/${pad(user)}/`,
  peer: 'peer/',
  pin: 'pin/',
  session: 'session/',
  sessions: (user: number) => `session/${pad(user)}.`,
  allPreKeys: 'preKey/',
  preKeys: (pool: string) => `preKey/${pool}/`,
  baseKeys: 'baseKey/',
  sendLog: 'sendLog/',
  retries: 'retries/',
  later: 'later/',
  allEarly: 'early/',
  early: (chat: number) => `early/${pad(chat)}/`,
  historyFor: 'historyFor/',
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
  /** The last restore of the server that this device has heard of, ms since 1970. */
  readonly restoredAt: number
  /** When old marks were last forgotten, ms since 1970. */
  readonly tidiedAt: number
  /** When old keys were last deleted. */
  readonly purgedAt: number
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
  restoredAt: 0,
  tidiedAt: 0,
  purgedAt: 0,
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

/** The content, then the payloads of the copies one after the other. */
export function encodeOutboxEntry({ content, copies, ...rest }: OutboxEntry): Uint8Array {
  const sizes = copies.map(({ device, registrationId, payload }) => [device, registrationId, payload.length])
  const raw = concat(content, ...copies.map(({ payload }) => payload))
  return encodeRecord({ ...rest, contentBytes: content.length, copies: sizes }, raw)
}

type StoredEntry = Omit<OutboxEntry, 'content' | 'copies'> & {
  readonly contentBytes: number
  readonly copies: readonly [device: number, registrationId: number, bytes: number][]
}

export function decodeOutboxEntry(bytes: Uint8Array): OutboxEntry | undefined {
  const record = decodeRecord<StoredEntry>(bytes)
  if (record === undefined || !Object.values(Kind).includes(record.json.kind)) return undefined
  const { contentBytes, copies: sizes, ...rest } = record.json
  // Written before devices had keys: it is encrypted now.
  if (contentBytes === undefined) return { ...rest, content: record.raw, copies: [], sealed: false }
  let at = contentBytes
  const copies = sizes.map(([device, registrationId, size]) => {
    at += size
    return { device, registrationId, payload: record.raw.slice(at - size, at) }
  })
  return { ...rest, content: record.raw.slice(0, contentBytes), copies }
}

export function encodeChat(chat: Chat): Uint8Array {
  return encodeRecord(chat)
}

function pad(value: number): string {
  return String(value).padStart(15, '0')
}
