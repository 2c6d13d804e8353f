/** Bytes from hex with spaces, bars and line breaks for the reader; text stands in quotes. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/'([^']*)'/g, (_, ascii: string) => Buffer.from(ascii).toString('hex'))
  const packed = digits.replaceAll(/[\s|]/g, '')
  if (!/^(?:[0-9a-f]{2})*$/.test(packed)) throw new Error(`Not hex: ${text}`)
  return new Uint8Array(Buffer.from(packed, 'hex'))
}
