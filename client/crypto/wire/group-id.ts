import type { ByteReader } from '../bytes.ts'
import { malformed } from '../errors.ts'

/** Of the id of a group, or of somebody's status posts. */
export const GROUP_ID_BYTES = 16

/** The number of a group's state: 1, 2, 3 … */
export function readGroupEpoch(reader: ByteReader): number {
  const epoch = reader.u32()
  if (epoch === 0) malformed('The states of a group are counted from 1')
  return epoch
}
