import type { ErrorCode } from '../../proto/error-codes.ts'
import { RefusalError } from '../shared/refusal.ts'
import { ListConflictError } from '../storage/device-lists.ts'
import { ListRefusedError } from '../storage/list-change.ts'
import type { ListRefusal } from '../storage/list-change.ts'
import { PreKeysRefusedError } from '../storage/pre-keys.ts'
import type { PreKeysRefusal } from '../storage/pre-keys.ts'
import { toBase64 } from './key-fields.ts'

const LISTS = {
  gone: ['UNAUTHENTICATED', 'The device was registered again, or its account deleted'],
  'other account key': ['FORBIDDEN', 'Another account key is taken with a registration alone'],
  'no certificate': ['BAD_REQUEST', 'A certificate that the list names is missing'],
  'same registration id': ['BAD_REQUEST', 'New keys in the place of a device need another registration id'],
  'hosted differs': ['BAD_REQUEST', 'The certificate and the registration differ on whether the device is hosted'],
} as const satisfies Record<ListRefusal, readonly [ErrorCode, string]>

const PRE_KEYS = {
  gone: ['UNAUTHENTICATED', 'The device is gone'],
  incomplete: ['BAD_REQUEST', 'The first time spk and pqLast are needed'],
  'too many': ['TOO_LARGE', 'The server keeps 200 one-time keys of each sort at most'],
} as const satisfies Record<PreKeysRefusal, readonly [ErrorCode, string]>

/** Runs what stores lists and keys; what it does not take becomes a refusal. */
export async function refusingKeys<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ListConflictError) {
      const details = error.tip === undefined ? {} : { list: toBase64(error.tip) }
      throw new RefusalError('EPOCH_CONFLICT', 'The list is not the next of the chain', { details, cause: error })
    }
    if (error instanceof ListRefusedError) throw refusal(LISTS[error.refusal], error)
    if (error instanceof PreKeysRefusedError) throw refusal(PRE_KEYS[error.refusal], error)
    throw error
  }
}

function refusal([code, message]: readonly [ErrorCode, string], cause: Error): RefusalError {
  return new RefusalError(code, message, { cause })
}
