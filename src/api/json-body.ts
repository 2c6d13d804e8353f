import { RefusalError } from '../shared/refusal.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Brackets and braces differ in this bit alone. */
const BRACE_BIT = 0x20
const OPENING = 0x7b
const CLOSING = 0x7d

/**
 * Reads a JSON body.
 * @throws RefusalError: UNSUPPORTED_MEDIA_TYPE, or BAD_REQUEST when it is no JSON or nested more deeply than `maxDepth`
 */
export function parseJsonBody(bytes: Uint8Array, contentType: string, maxDepth: number): unknown {
  if (contentType !== '' && !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType)) {
    throw new RefusalError('UNSUPPORTED_MEDIA_TYPE', 'The body must be JSON: send Content-Type: application/json')
  }
  if (bytes.length === 0) throw new RefusalError('BAD_REQUEST', 'The body is empty: it must be JSON')
  if (jsonDepth(bytes) > maxDepth) {
    throw new RefusalError('BAD_REQUEST', `The body is nested more deeply than ${maxDepth} levels`)
  }
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown
  } catch (cause) {
    throw new RefusalError('BAD_REQUEST', 'The body is not JSON', { cause })
  }
}

/** How deeply arrays and objects are nested, found without building them. */
function jsonDepth(bytes: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number
    if (inString) {
      if (byte === BACKSLASH) index++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if ((byte | BRACE_BIT) === OPENING) deepest = Math.max(deepest, ++depth)
    else if ((byte | BRACE_BIT) === CLOSING) depth--
  }
  return deepest
}
