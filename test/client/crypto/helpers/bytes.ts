/** From hexadecimal, in which spaces and line breaks mean nothing. */
export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A copy with one bit turned. */
export function flip(whole: Uint8Array, bit: number): Uint8Array {
  const copy = whole.slice()
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}
