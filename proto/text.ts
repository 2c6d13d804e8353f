import { nodeBuffer } from './node-buffer.ts'

/** UTF-8 for the reader and the writer. */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()
const utf8Slice = nodeBuffer?.prototype.utf8Slice

/** What a lenient decoder puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd'

/** The text in bytes `start` … `end`; undefined when they are no UTF-8. */
export function findText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (start === end) return ''
  if (utf8Slice !== undefined) {
    const text = utf8Slice.call(bytes, start, end)
    if (!text.includes(REPLACEMENT)) return text
  }
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch {
    return undefined
  }
}

/** UTF-8 of the text. A lone surrogate becomes U+FFFD. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}
