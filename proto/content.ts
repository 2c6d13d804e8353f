/**
 * What people write, as clients hold it in memory; `content.proto` is its schema. Ids of messages are UUIDs in text,
 * users safe integers, times ms since 1970.
 */

/** Where a message was sent to: a user, or a group by its 16 bytes. */
export type Chat =
  { readonly type: 'user'; readonly user: number } | { readonly type: 'group'; readonly group: Uint8Array } | Unknown

/** Of a later version of the schema: its field number. */
interface Unknown {
  readonly type: 'unknown'
  readonly name: string
}

/** A version of a signed list or state: the first 16 bytes of its hash. */
export interface Version {
  readonly epoch: number
  readonly hash: Uint8Array
}

/** A message, by the device that sent it and its client id. */
export interface MessageReference {
  readonly user: number
  readonly device: number
  readonly id: string
}

export interface LinkPreview {
  readonly url: string
  readonly title: string
  readonly description: string
  /** A small JPEG; empty: none. */
  readonly thumbnail: Uint8Array
}

export interface TextBody {
  readonly type: 'text'
  readonly text: string
  readonly preview?: LinkPreview
}

/** In degrees; `name` and `address` may be empty. */
export interface LocationBody {
  readonly type: 'location'
  readonly latitude: number
  readonly longitude: number
  readonly name: string
  readonly address: string
}

/** `phone` with "+"; `phone` and `vcard` may be empty. */
export interface ContactBody {
  readonly type: 'contact'
  readonly name: string
  readonly phone: string
  readonly vcard: string
}

/** An empty emoji takes the reaction back. */
export interface ReactionBody {
  readonly type: 'reaction'
  readonly target: MessageReference
  readonly emoji: string
}

export interface EditBody {
  readonly type: 'edit'
  readonly target: MessageReference
  readonly text: string
}

/** For everyone in the chat. */
export interface DeleteBody {
  readonly type: 'delete'
  readonly target: MessageReference
}

/** To the user's other devices: what this one has sent, as it was sent. */
export interface SentTranscriptBody {
  readonly type: 'sentTranscript'
  /** A {@link Content}, encoded. */
  readonly content: Uint8Array
  /** Where it stands in its chat; 0: not told. */
  readonly order: number
  /** When the server accepted it; 0: not told. */
  readonly sentAt: number
  readonly deliveredTo: readonly number[]
}

/** To the user's other devices: what was seen here. */
export interface ReadSyncBody {
  readonly type: 'readSync'
  readonly read: readonly MessageReference[]
}

/** To a newly linked device, from the primary one: a page of the history, oldest first. */
export interface ArchiveBody {
  readonly type: 'archive'
  readonly messages: readonly ArchivedMessage[]
  readonly last: boolean
}

/** A message of the history: whom the conversation is with, who sent it, and what. */
export interface ArchivedMessage {
  readonly chat: number
  readonly user: number
  readonly device: number
  readonly sentAt: number
  readonly read: boolean
  /** A {@link Content}, encoded. */
  readonly content: Uint8Array
  /** Where it stands in its chat; 0: not told. */
  readonly order: number
  /** 1 accepted, 2 expired, 3 delivered, 4 read, 5 played; 0: not told. */
  readonly status: number
  readonly deliveredTo: readonly number[]
}

/** To the user's other devices: what the person decided about the keys of somebody. */
export interface TrustSyncBody {
  readonly type: 'trustSync'
  readonly user: number
  readonly accountKey: Uint8Array
  /** They were compared. */
  readonly verified: boolean
  /** They were accepted, after others. */
  readonly accepted: boolean
}

/** Again, to a device that could not read it. */
export interface ResendBody {
  readonly type: 'resend'
  /** A {@link Content}, encoded. */
  readonly content: Uint8Array
}

/** The first message of a session was read. */
export interface SessionAckBody {
  readonly type: 'sessionAck'
}

/** There is nothing to send again. */
export interface NullBody {
  readonly type: 'null'
}

/** What people write. An unknown body is shown as "needs a newer version". */
export type PersonalBody = TextBody | LocationBody | ContactBody | ReactionBody | EditBody | DeleteBody | Unknown

export type Body =
  | PersonalBody
  | SentTranscriptBody
  | ReadSyncBody
  | ArchiveBody
  | ResendBody
  | SessionAckBody
  | NullBody
  | TrustSyncBody

/** The plaintext of a message. */
export interface Content {
  /** The client id of the message. */
  readonly id: string
  readonly sentAtMs: number
  readonly chat: Chat
  /** The sender's device list, as the sender knows it. */
  readonly myList?: Version
  /** The recipient's, between two users only. */
  readonly yourList?: Version
  /** The state that the sender encrypted for, in groups only. */
  readonly groupState?: Version
  /** Seconds after being read at which it disappears. */
  readonly expireSeconds?: number
  /** The message that this one answers. */
  readonly replyTo?: MessageReference
  readonly body: Body
}
