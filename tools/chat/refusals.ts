import type { CryptoErrorCode } from '../../client/crypto/errors.ts'
import type { ErrorCode } from '../../proto/error-codes.ts'

const IN_BETWEEN = 'somebody may be in between, or their app has a fault'

/** What the encryption says of others and of the store. */
const cryptoRefusals: Readonly<Record<CryptoErrorCode, string>> = {
  DUPLICATE: 'it came before',
  TOO_FAR_AHEAD: 'too many messages before it are missing',
  BAD_TAG: `it was changed on its way: ${IN_BETWEEN}`,
  BAD_SIGNATURE: `their keys are not signed as they must be: ${IN_BETWEEN}`,
  NO_SESSION: 'there are no common keys for it any more',
  UNKNOWN_PRE_KEY: 'it was made for keys that are gone',
  REUSED_BASE_KEY: 'it came before',
  IDENTITY_CHANGED: 'they have new keys: look at /safety',
  STALE_DEVICE_LIST: 'the list of their devices is too old: the server withholds a newer one, or has none',
  DEVICE_LIST_FORK: 'two different lists of their devices were shown: look at /safety',
  GROUP_STATE_FORK: 'two different states of the group were shown',
  NOT_A_MEMBER: 'not a member of the group',
  NOT_PERMITTED: 'not allowed in the group',
  UNKNOWN_VERSION: 'it needs a newer version of this program',
  MALFORMED: `their keys cannot be read: ${IN_BETWEEN}`,
  CORRUPT_STATE: 'what this machine has stored is damaged',
}

/** What the server says. */
const serverRefusals: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_REQUEST: 'the server does not understand this program: one of them is too old',
  UNAUTHENTICATED: 'the server does not know this device any more',
  FORBIDDEN: 'not allowed',
  NOT_FOUND: 'the server has no such thing',
  UNKNOWN_USER: 'nobody is registered under that number',
  NO_KEYS: 'nothing can be encrypted for them: their app is too old, or was never opened',
  TOO_LARGE: 'it is too long',
  REQUEST_TIMEOUT: 'it took too long to reach the server',
  DEVICES_CHANGED: "the recipient's devices keep changing",
  CLOCK_SKEW: 'the clock of this machine is wrong: set it',
  BACKUP_CONFLICT: 'the server has a newer backup of this account',
  EPOCH_CONFLICT: 'your devices were changed elsewhere meanwhile: try again',
  KEYS_DIFFER: 'the server has other keys of this device than this machine',
  TOO_MANY_DEVICES: 'your account has as many devices as it can have: see /devices',
  RESEND_FROM_FIRST: 'a message before it was not taken',
  IDEMPOTENCY_CONFLICT: 'the server has taken something else in its place',
  REPLACED: 'this account was opened somewhere else',
  WRONG_CODE: 'That code is wrong or no longer valid.',
  PIN_REQUIRED: 'This number is protected by a PIN.',
  SMS_FAILED: 'The server could not send the text message.',
  MAILBOX_FULL: 'their mailbox is full: the message waits here',
  RATE_LIMITED: 'Too many tries.',
  OVERLOADED: 'the server has too much to do: try again soon',
  UNAVAILABLE: 'the server cannot store anything now: try again soon',
  INTERNAL: 'the server has a fault',
}

/** What the SDK says itself. */
const sdkRefusals: Readonly<Record<string, string>> = {
  OUTBOX_FULL: 'too many messages wait to be sent',
  EMPTY: 'it is empty',
  INVALID_USER: 'that is not a phone number',
  RESTORED: 'it waited when the backup was made, and may have gone out later: /again sends it',
  STORE_FAILED: 'this machine could not store it (is the disk full?)',
  HOSTED_REFUSED: 'the operator of a server could read it, and you want nothing sent there',
  KEYS_FAILED: 'keys could not be fetched: it is tried again',
  UNREACHABLE: 'the server does not answer',
  INVALID_TOKEN:
    'this device is not registered properly: come back with --link, or with --restore where you have no other device',
  NOT_PRIMARY: 'only the first device of an account links and removes others, and makes backups',
  UNKNOWN_DEVICE: 'there is no such other device',
  NOT_FAILED: 'it is on its way already',
  CLOSED: 'the program was closed before',
  FAILED: 'it was refused',
}

const AGAIN = 'begin again with a new code'

/** The same while a device is linked, where it means something else. */
const linkingRefusals: Readonly<Record<string, string>> = {
  LINK_TIMEOUT: `The other device did not answer in time: ${AGAIN}.`,
  LINK_REFUSED: 'The device was not linked.',
  NO_LINK_CODE: 'That is not the code of a new device: copy all of it.',
  NOT_FOUND: `That code is used up or too old: ${AGAIN}.`,
  MALFORMED: `That code is incomplete, or somebody is in between: ${AGAIN}.`,
  BAD_TAG: `The other device has another code, or somebody is in between: ${AGAIN}.`,
  BAD_SIGNATURE: `The other device is not what it says, or somebody is in between: ${AGAIN}.`,
  UNKNOWN_VERSION: 'That is no code of a new device, or that of a newer version of this program.',
}

/** The same while an account is restored. */
const restoringRefusals: Readonly<Record<string, string>> = {
  NOT_FOUND:
    'The server has no backup of this number under that recovery key. Look at each character, and type all of it again.',
  BAD_TAG: 'The backup was changed since it was made: it cannot be read.',
  STALE_DEVICE_LIST: 'The server shows an older state of your account than the backup knows: it hides something.',
}

const refusals: Readonly<Record<string, string>> = { ...cryptoRefusals, ...serverRefusals, ...sdkRefusals }

/** Why a message or a request was refused, for people. */
export function refusalText(code: string, otherwise: string): string {
  return refusals[code] ?? otherwise
}

/** Why a device was not linked; undefined: for no reason of its own. */
export function findLinkingText(code: string): string | undefined {
  return linkingRefusals[code]
}

/** Why an account was not restored; undefined: for no reason of its own. */
export function findRestoringText(code: string): string | undefined {
  return restoringRefusals[code]
}
