/** The file is no text that can be read; the message says what to do. */
export class ExportError extends Error {
  override readonly name = 'ExportError'
}

/** How many of the first characters tell UTF-16 from UTF-8 where no byte order mark does. */
const LOOK_BYTES = 64

/**
 * The text of an export. WhatsApp writes UTF-8; editors on Windows save it as UTF-16, with or without a byte order mark.
 *
 * @throws ExportError for anything else
 */
export function decodeExport(bytes: Uint8Array): string {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw new ExportError('That is a zip archive: unpack it, and give the .txt file in it.')
  }
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch {
    throw new ExportError('The file is neither UTF-8 nor UTF-16. Open it in an editor and save it as UTF-8.')
  }
}

/** A header is of spaces, digits and signs: in UTF-16 every second byte of it is zero. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const zeros = [0, 0]
  for (const [i, byte] of bytes.subarray(0, LOOK_BYTES).entries()) if (byte === 0) zeros[i % 2]!++
  const [even, odd] = zeros as [number, number]
  if (even + odd === 0) return 'utf-8'
  return odd > even ? 'utf-16le' : 'utf-16be'
}
