/**
 * The frames of the protocol, as the server and the SDK hold them in memory. `parley.proto` is the schema on the wire;
 * `codec.ts` turns one into the other. Users are safe integers, message ids bigints, times ms since 1970.
 */

/** What an envelope is. Clients may send MESSAGE, READ, PLAYED, STATUS and DEVICE_EVENT; the others are the server's. */
export const Kind = {
  MESSAGE: 0,
  DELIVERED: 1,
  READ: 2,
  PLAYED: 3,
  GROUP_EVENT: 4,
  STATUS: 5,
  DEVICE_EVENT: 6,
  EXPIRED: 7,
} as const

export type Kind = (typeof Kind)[keyof typeof Kind]

export interface WireAddress {
  readonly user: number
  readonly device: number
}

/** What one of the recipient's devices gets: `registrationId` 0 is unchecked. */
export interface Copy {
  readonly device: number
  readonly registrationId: number
  readonly payload: Uint8Array
}

/** One addressed, opaque unit, as a device receives it. */
export interface WireEnvelope {
  readonly messageId: bigint
  readonly from: WireAddress
  readonly kind: Kind
  /** The client id: made by the sending device, the same in every resend. */
  readonly id: string
  readonly payload: Uint8Array
  readonly sentAt: number
  /** The client ids that a receipt is about; else empty. */
  readonly about: readonly string[]
}

// client → server

/** Must be the first frame. */
export interface ConnectFrame {
  readonly type: 'connect'
  readonly token: string
  /** Name and version of the client, for the operator's statistics. */
  readonly client: string
  /** Which connection of this device this is, counted and persisted by it; 0: the server counts. */
  readonly number: number
  /** The highest message id that this device has seen in an `accepted`; 0n: none. */
  readonly lastMessageId: bigint
}

export interface SendFrame {
  readonly type: 'send'
  /** Client id: a UUID. */
  readonly id: string
  /** The recipient. */
  readonly to: number
  readonly kind: Kind
  readonly copies: readonly Copy[]
  readonly about: readonly string[]
  /** It may wake a phone. */
  readonly urgent: boolean
  /** Seconds it may wait for an offline device; 0: the server's maximum. */
  readonly ttl: number
  /** The client has nothing unanswered to this recipient in this session: lifts a refusal. */
  readonly first: boolean
}

/** Everything up to and including this delivery of the session is stored by the device. */
export interface AckFrame {
  readonly type: 'ack'
  readonly upTo: number
}

/** Carried at once or dropped. `device` 0: all devices of the user. */
export interface ClientSignalFrame {
  readonly type: 'signal'
  readonly to: WireAddress
  readonly payload: Uint8Array
}

/** Users whose presence is (no longer) wanted. */
export interface WatchFrame {
  readonly type: 'watch' | 'unwatch'
  readonly users: readonly number[]
}

export interface PingFrame {
  readonly type: 'ping'
}

/** A frame of a later version of the protocol: field number or JSON name. It is answered with an error. */
export interface UnknownFrame {
  readonly type: 'unknown'
  readonly name: string
}

export type ClientFrame =
  ConnectFrame | SendFrame | AckFrame | ClientSignalFrame | WatchFrame | PingFrame | UnknownFrame

// server → client

export interface ConnectedFrame {
  readonly type: 'connected'
  /** Names this session in logs and answers. */
  readonly session: string
  readonly user: number
  readonly device: number
  readonly serverTime: number
  /** Envelopes that wait, counted up to 1,000. */
  readonly pending: number
  /** When the user's database was last restored from a back-up: ms since 1970; 0: never. */
  readonly restoredAt: number
  /** What the server had accepted after this time it has lost then, unless it was delivered: ms since 1970. */
  readonly restoredTo: number
}

/** ✓: safe, for every copy. */
export interface AcceptedFrame {
  readonly type: 'accepted'
  readonly id: string
  readonly messageId: bigint
  readonly at: number
  /** Devices of the recipient that already have it: ✓✓, no receipt follows from them. */
  readonly delivered: readonly number[]
}

export interface DeliverFrame {
  readonly type: 'deliver'
  /** 1, 2, 3 … within the session. */
  readonly seq: number
  readonly envelope: WireEnvelope
}

/** Once a session: all that was stored when it connected has been delivered. */
export interface CaughtUpFrame {
  readonly type: 'caughtUp'
}

export interface PresenceFrame {
  readonly type: 'presence'
  readonly user: number
  readonly online: boolean
  /** 0: unknown, or not shown. */
  readonly lastSeen: number
}

export interface ServerSignalFrame {
  readonly type: 'signal'
  readonly from: WireAddress
  readonly payload: Uint8Array
}

export interface PongFrame {
  readonly type: 'pong'
}

export interface DeviceDifference {
  readonly missing: readonly number[]
  readonly extra: readonly number[]
  readonly stale: readonly number[]
}

export interface ErrorFrame {
  readonly type: 'error'
  /** The client id of the refused send; empty when it is about something else. */
  readonly id: string
  /** A key of `errorCodes`; a client treats an unknown one by `temporary`. */
  readonly code: string
  readonly message: string
  readonly temporary: boolean
  /** 0: whenever the client likes. */
  readonly retryAfterMs: number
  readonly details?: {
    readonly devices?: DeviceDifference
    /** The newest connection number of the device, with REPLACED. */
    readonly number?: number
  }
}

/** The node drains: reconnect after this time. */
export interface GoawayFrame {
  readonly type: 'goaway'
  readonly reconnectAfterMs: number
}

export type ServerFrame =
  | ConnectedFrame
  | AcceptedFrame
  | DeliverFrame
  | CaughtUpFrame
  | PresenceFrame
  | ServerSignalFrame
  | PongFrame
  | ErrorFrame
  | GoawayFrame
  | UnknownFrame
