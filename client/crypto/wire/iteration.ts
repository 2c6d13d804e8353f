import type { ByteReader } from '../bytes.ts'
import { malformed } from '../errors.ts'

/** The last message of a chain: 2^32 − 2. After it comes a new chain. */
export const MAX_ITERATION = 0xfffffffe

/** The number of a message in its chain. */
export function readIteration(reader: ByteReader): number {
  const iteration = reader.u32()
  if (iteration > MAX_ITERATION) malformed('A chain has no such message')
  return iteration
}
