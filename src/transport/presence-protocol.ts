import { DecodeError } from '../../proto/decode-error.ts'
import { Reader } from '../../proto/reader.ts'
import { Writer } from '../../proto/writer.ts'

/**
 * What nodes say about a user, on the user's subject and to whoever asks the mailboxes of the user's devices, and about
 * themselves. In the protobuf wire format; field numbers stay, so that nodes of two versions understand each other.
 */
export type PresenceMessage =
  | ({ readonly type: 'state' } & PresenceState)
  /** The user's choice of who may see, or their contacts, are not what they were. */
  | { readonly type: 'privacy'; readonly node: string }
  | { readonly type: 'unknown' }

/** Whether a device of the user is connected to one node. */
export interface PresenceState {
  readonly node: string
  /** Counts what the node has to say: of two states of a node the one with the higher number is the later one. */
  readonly change: number
  readonly online: boolean
  /** When a device last was there: ms. 0: online, or unknown. */
  readonly lastSeen: number
}

/** What a node says of itself, again and again. `leaving`: for the last time. */
export interface NodeBeat {
  readonly node: string
  readonly leaving: boolean
}

const MessageField = { state: 1, privacy: 2 } as const
const StateField = { node: 1, change: 2, online: 3, lastSeen: 4 } as const
const BeatField = { node: 1, leaving: 2 } as const

/** It is a part of subjects. */
const NODE_ID = /^[A-Za-z0-9_-]{1,128}$/

const varint = (field: number): number => field << 3
const bytes = (field: number): number => (field << 3) | 2

const writer = new Writer()
const reader = new Reader()

export function encodePresenceState({ node, change, online, lastSeen }: PresenceState): Uint8Array {
  writer.begin()
  writer.uint(varint(StateField.lastSeen), lastSeen)
  writer.bool(varint(StateField.online), online)
  writer.uint(varint(StateField.change), change)
  writer.string(bytes(StateField.node), node)
  writer.message(bytes(MessageField.state), 0)
  return writer.finish().slice()
}

export function encodePrivacyChanged(node: string): Uint8Array {
  writer.begin()
  writer.string(bytes(StateField.node), node)
  writer.message(bytes(MessageField.privacy), 0)
  return writer.finish().slice()
}

export function encodeNodeBeat({ node, leaving }: NodeBeat): Uint8Array {
  writer.begin()
  writer.bool(varint(BeatField.leaving), leaving)
  writer.string(bytes(BeatField.node), node)
  return writer.finish().slice()
}

/** @throws DecodeError */
export function decodePresence(data: Uint8Array): PresenceMessage {
  reader.open(data)
  const field = reader.tag() >> 3
  const end = reader.end()
  if (field !== MessageField.state && field !== MessageField.privacy) return { type: 'unknown' }
  const state = readState(end)
  return field === MessageField.state ? { type: 'state', ...state } : { type: 'privacy', node: state.node }
}

/** @throws DecodeError */
export function decodeNodeBeat(data: Uint8Array): NodeBeat {
  reader.open(data)
  let node = ''
  let leaving = false
  readFields(data.length, (field, tag) => {
    if (field === BeatField.node) node = reader.string()
    else if (field === BeatField.leaving) leaving = reader.bool()
    else reader.skip(tag)
  })
  return { node: requireNode(node), leaving }
}

function readState(end: number): PresenceState {
  let node = ''
  let change = 0
  let online = false
  let lastSeen = 0
  readFields(end, (field, tag) => {
    if (field === StateField.node) node = reader.string()
    else if (field === StateField.change) change = reader.uint64()
    else if (field === StateField.online) online = reader.bool()
    else if (field === StateField.lastSeen) lastSeen = reader.uint64()
    else reader.skip(tag)
  })
  return { node: requireNode(node), change, online, lastSeen }
}

function readFields(end: number, read: (field: number, tag: number) => void): void {
  while (reader.pos < end) {
    const tag = reader.tag()
    read(tag >> 3, tag)
  }
  reader.finish(end)
}

function requireNode(node: string): string {
  if (!NODE_ID.test(node)) throw new DecodeError('a node has no name')
  return node
}
