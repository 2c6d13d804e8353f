import type { WireAddress } from '../../../proto/frames.ts'
import { ByteWriter } from '../bytes.ts'
import type { ByteReader } from '../bytes.ts'
import { malformed } from '../errors.ts'

export const ADDRESS_BYTES = 12

/** An E.164 number has at most 15 digits. */
const MAX_USER = 999_999_999_999_999

/** user u64 ‖ device u32 */
export function encodeAddress({ user, device }: WireAddress): Uint8Array {
  return new ByteWriter(ADDRESS_BYTES).u64(user).u32(device).finish()
}

export function readAddress(reader: ByteReader): WireAddress {
  return { user: readUser(reader), device: readDevice(reader) }
}

export function readUser(reader: ByteReader): number {
  const user = reader.u64()
  if (user < 1 || user > MAX_USER) malformed('Not a user')
  return user
}

export function readDevice(reader: ByteReader): number {
  const device = reader.u32()
  if (device === 0) malformed('Devices are counted from 1')
  return device
}
