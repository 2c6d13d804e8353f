import { decodeText } from '../../config/decode-text.ts'

/** The export cannot be read; the message says what to do. */
export class ExportError extends Error {
  override readonly name = 'ExportError'
}

/**
 * The text of an export.
 * @throws ExportError for what is no text, or packed
 */
export function decodeExport(bytes: Uint8Array): string {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw new ExportError('That is a zip archive: unpack it, and give the .txt file in it.')
  }
  const text = decodeText(bytes)
  if (text === undefined) {
    throw new ExportError('The file is neither UTF-8 nor UTF-16. Open it in an editor and save it as UTF-8.')
  }
  return text
}
