import nacl from 'tweetnacl'

/** Runs it with these bytes as what the generator gives; it has to use them up, at once. */
export function withRandom<T>(bytes: Uint8Array, run: () => T): T {
  let at = 0
  nacl.setPRNG((target, count) => {
    if (at + count > bytes.length) throw new RangeError('More randomness is used than was given')
    target.set(bytes.subarray(at, at + count))
    at += count
  })
  try {
    const result = run()
    if (at !== bytes.length) throw new RangeError(`${at} of ${bytes.length} random bytes were used`)
    return result
  } finally {
    nacl.setPRNG((target, count) => {
      target.set(crypto.getRandomValues(new Uint8Array(count)))
    })
  }
}
