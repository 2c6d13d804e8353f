/** How many of the first bytes tell UTF-16 from UTF-8 where no byte order mark does. */
const LOOK_BYTES = 64

/** A text file in UTF-8 or, as editors on Windows may save it, in UTF-16, with a byte order mark or without; undefined: it is neither. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** What begins with ASCII characters has a zero in every second byte of UTF-16. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const zeros = [0, 0]
  for (const [i, byte] of bytes.subarray(0, LOOK_BYTES).entries()) if (byte === 0) zeros[i % 2]!++
  const [even, odd] = zeros as [number, number]
  if (even + odd === 0) return 'utf-8'
  return odd > even ? 'utf-16le' : 'utf-16be'
}
