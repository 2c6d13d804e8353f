import { ParleyError } from '../errors.ts'

/**
 * What can be wrong with what others sent, or with what is stored. Nothing of this is told to a peer or to the server in
 * a way that lets them tell `BAD_TAG` from `NO_SESSION`.
 */
export type CryptoErrorCode =
  /** This message was opened before. */
  | 'DUPLICATE'
  /** More messages are missing before this one than are skipped at once. */
  | 'TOO_FAR_AHEAD'
  /** The authentication tag is wrong: other bytes, another key, or another place than the sender meant. */
  | 'BAD_TAG'
  | 'BAD_SIGNATURE'
  /** There is no session, or no chain, that the message belongs to. */
  | 'NO_SESSION'
  /** The message was made for a pre-key that is not, or no longer, here. */
  | 'UNKNOWN_PRE_KEY'
  /** A first message came again. */
  | 'REUSED_BASE_KEY'
  /** The account has another identity key than before, and the user has not accepted it. */
  | 'IDENTITY_CHANGED'
  /** The device list that is known is too old, or lacks the device. */
  | 'STALE_DEVICE_LIST'
  /** Two signed device lists of one epoch: somebody shows different lists to different people. */
  | 'DEVICE_LIST_FORK'
  /** Two signed group states of one epoch. */
  | 'GROUP_STATE_FORK'
  | 'NOT_A_MEMBER'
  | 'NOT_PERMITTED'
  /** A version, type or flag of a later version of the protocol. */
  | 'UNKNOWN_VERSION'
  /** Bytes that are no such object. */
  | 'MALFORMED'
  /** A stored record is damaged. */
  | 'CORRUPT_STATE'

/** An object of the encryption was refused. Its text names no key and no content. */
export class CryptoError extends ParleyError {
  override readonly name = 'CryptoError'
  override readonly code: CryptoErrorCode

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
    this.code = code
  }
}

/** @throws {CryptoError} MALFORMED */
export function malformed(message: string): never {
  throw new CryptoError('MALFORMED', message)
}

/** What the work gives; undefined where the encryption refuses it. */
export function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  }
}
