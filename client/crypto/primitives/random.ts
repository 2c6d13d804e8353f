import nacl from 'tweetnacl'

/** Of the platform's generator. @throws {Error} where there is none: nothing can be encrypted there */
export function randomBytes(count: number): Uint8Array {
  return nacl.randomBytes(count)
}

/** 1 … 2^31 − 1, each as likely. */
export function randomPositive31(): number {
  for (;;) {
    const value = new DataView(randomBytes(4).buffer).getUint32(0) >>> 1
    if (value !== 0) return value
  }
}
