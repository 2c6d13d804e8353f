import type { ByteReader } from '../bytes.ts'
import { malformed } from '../errors.ts'

const MAX_REGISTRATION_ID = 0x7fffffff

/** Random for each installation: 1 … 2^31 − 1. */
export function readRegistrationId(reader: ByteReader): number {
  const registrationId = reader.u32()
  if (registrationId === 0 || registrationId > MAX_REGISTRATION_ID) malformed('Not a registration id')
  return registrationId
}
