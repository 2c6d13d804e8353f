import { DecodeError } from './decode-error.ts'
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from './limits.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c

/**
 * Refuses JSON that is deeper, or of more values, than any batch is, before JSON.parse makes it: a message of empty arrays
 * takes fifty times the time and memory of one of frames. What is no JSON is for JSON.parse to say.
 * @throws {DecodeError}
 */
export function checkShape(text: string): void {
  let depth = 0
  let values = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = endOfString(text, i)
    } else if (code === COMMA) {
      values++
    } else if ((code | 0x20) === 0x7b) {
      // [ or {
      values++
      if (++depth > MAX_JSON_DEPTH) throw new DecodeError(`The message is nested more than ${MAX_JSON_DEPTH} deep`)
    } else if ((code | 0x20) === 0x7d) {
      depth--
    }
    if (values > MAX_JSON_VALUES) throw new DecodeError(`The message has more than ${MAX_JSON_VALUES} values`)
  }
}

/** Where the string ends that begins at `start`; the end of the text if it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}
