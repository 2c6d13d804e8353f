import { hex } from '../../../../client/crypto/bytes.ts'
import { seal } from '../../../../client/crypto/seal.ts'
import { ascii } from '../helpers/bytes.ts'
import { withSeed } from '../helpers/seeded-random.ts'

export interface SealVector {
  readonly key: string
  readonly label: string
  readonly ad: string
  readonly head: string
  readonly nonce: string
  readonly plaintext: string
  readonly message: string
}

const HEAD_BYTES = 42

export async function sealVectors(): Promise<SealVector[]> {
  const vectors: SealVector[] = []
  for (const size of [0, 1, 159, 160, 2_079, 2_080, 2_559, 2_560]) {
    const key = new Uint8Array(32).fill(size)
    const head = new Uint8Array(HEAD_BYTES).map((_, i) => i)
    const plaintext = new Uint8Array(size).map((_, i) => i)
    const ad = ascii(`associated data of ${size}`)
    const label = size % 2 === 0 ? 'mk' : 'signal'
    const { result } = await withSeed(`seal/${size}`, () => seal(key, label, ad, head, plaintext))
    vectors.push({
      key: hex(key),
      label,
      ad: hex(ad),
      head: hex(head),
      nonce: hex(result.subarray(HEAD_BYTES, HEAD_BYTES + 24)),
      plaintext: hex(plaintext),
      message: hex(result),
    })
  }
  return vectors
}
