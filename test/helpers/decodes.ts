import { DecodeError } from '../../proto/decode-error.ts'

/** Runs a decoder on bytes that may be anything: it decodes, or says why not. */
export function decodes(decode: () => unknown): boolean {
  try {
    decode()
    return true
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return false
  }
}
