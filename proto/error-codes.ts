/**
 * What a request may be refused with: the `code` of an `error` frame on the socket and of a problem document over HTTP.
 * `temporary` says that the same request may pass later; `status` is its HTTP status.
 */
export const errorCodes = {
  /** The frame or body breaks the schema, or a field is out of its range. */
  BAD_REQUEST: { status: 400, temporary: false },
  /** No, a wrong or a revoked token. */
  UNAUTHENTICATED: { status: 401, temporary: false },
  /** The token may not do this: for example act as somebody else. */
  FORBIDDEN: { status: 403, temporary: false },
  /** There is nothing at this address, or nothing that the caller may see. */
  NOT_FOUND: { status: 404, temporary: false },
  /** Nobody is registered under that phone number. */
  UNKNOWN_USER: { status: 404, temporary: false },
  /** There are no encryption keys: of the user or device asked for, or of the one that asks. */
  NO_KEYS: { status: 404, temporary: false },
  METHOD_NOT_ALLOWED: { status: 405, temporary: false },
  /** The body or the answer would be in a format that is not spoken here. */
  UNSUPPORTED_MEDIA_TYPE: { status: 415, temporary: false },
  /** A payload, message or body over its limit. */
  TOO_LARGE: { status: 413, temporary: false },
  /** A slow body: it did not arrive in time. */
  REQUEST_TIMEOUT: { status: 408, temporary: true },
  /** The copies do not name exactly the recipient's devices: `details.devices` says which are missing, extra or stale. */
  DEVICES_CHANGED: { status: 409, temporary: false },
  /** A key, certificate or list is not signed as it must be. */
  BAD_SIGNATURE: { status: 422, temporary: false },
  /** Signed at a time that is more than an hour off the server's: `details.serverTime` says what it is there. */
  CLOCK_SKEW: { status: 422, temporary: false },
  /** The device list does not continue the chain: `details.list` is its newest, if there is one. */
  EPOCH_CONFLICT: { status: 409, temporary: false },
  /** The server holds other keys of the device than the device itself. */
  KEYS_DIFFER: { status: 409, temporary: false },
  /** The token that claims a device's place is wrong, expired or used up. */
  LINK_REFUSED: { status: 403, temporary: false },
  /** Every place for a device of this user is taken. */
  TOO_MANY_DEVICES: { status: 409, temporary: false },
  /** A newer backup is stored: `details.version` is its version. */
  BACKUP_CONFLICT: { status: 409, temporary: false },
  /** An earlier send to this recipient was refused: resend from that one on, the first of them with `first`. */
  RESEND_FROM_FIRST: { status: 409, temporary: true },
  /** The same Idempotency-Key came with another body. */
  IDEMPOTENCY_CONFLICT: { status: 409, temporary: false },
  /** A newer session of the same device took over; `details.number` is the newest connection number. */
  REPLACED: { status: 409, temporary: false },
  /** The verification code is wrong, expired or used up. */
  WRONG_CODE: { status: 403, temporary: false },
  /** The account demands its registration PIN, or the PIN is wrong. */
  PIN_REQUIRED: { status: 403, temporary: false },
  /** The text message with the code could not be handed over. */
  SMS_FAILED: { status: 502, temporary: true },
  /** The server has no master key, so it can hold no keys of devices. */
  HOSTED_DISABLED: { status: 403, temporary: false },
  /** The keys of this hosted device need a master key that the server lacks now. */
  HOSTED_LOCKED: { status: 503, temporary: true },
  /** The recipient's mailbox has no room, for all or for this sender, until their device fetches what waits there. */
  MAILBOX_FULL: { status: 507, temporary: true },
  /** More than the limit allows: retry after `retryAfterMs` (HTTP: Retry-After). */
  RATE_LIMITED: { status: 429, temporary: true },
  /** The node has no room for this now: retry after `retryAfterMs`. */
  OVERLOADED: { status: 503, temporary: true },
  /** The database is away: retry after `retryAfterMs`. */
  UNAVAILABLE: { status: 503, temporary: true },
  /** A fault of the server. */
  INTERNAL: { status: 500, temporary: true },
} as const

export type ErrorCode = keyof typeof errorCodes
