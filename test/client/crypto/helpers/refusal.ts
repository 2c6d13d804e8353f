import { CryptoError } from '../../../../client/crypto/errors.ts'
import type { CryptoErrorCode } from '../../../../client/crypto/errors.ts'

/** The code of the error that it throws; undefined: it throws none. Any other error goes on. */
export function refusal(run: () => unknown): CryptoErrorCode | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof CryptoError) return error.code
    throw error
  }
}
