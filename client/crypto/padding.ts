const END = 0x80
/** Up to this size a message grows in small steps, beyond it in large ones. */
const SMALL_BYTES = 2_080
const SMALL_STEP = 160
const LARGE_STEP = 512

/** The content, 0x80, and zeros up to the next step: its length tells little. */
export function pad(content: Uint8Array): Uint8Array {
  const padded = new Uint8Array(paddedBytes(content.length))
  padded.set(content)
  padded[content.length] = END
  return padded
}

/** undefined: not what {@link pad} makes. */
export function unpad(padded: Uint8Array): Uint8Array | undefined {
  let last = padded.length - 1
  while (last >= 0 && padded[last] === 0) last--
  if (padded[last] !== END || paddedBytes(last) !== padded.length) return undefined
  return padded.slice(0, last)
}

function paddedBytes(size: number): number {
  const small = Math.ceil((size + 1) / SMALL_STEP) * SMALL_STEP
  return small <= SMALL_BYTES ? small : Math.ceil((size + 1) / LARGE_STEP) * LARGE_STEP
}
