import { label } from './crypto/bytes.ts'
import { sha256 } from './crypto/primitives/hash.ts'
import { findBase64 } from '../proto/base64.ts'

const SECRET_BYTES = 32
const BYTES = SECRET_BYTES + 12

/** The address that an access token is for; undefined: it is no token. */
export function findTokenAddress(token: string): { readonly user: number; readonly device: number } | undefined {
  const plain = /^(\d{1,15})\.(\d)\./.exec(token)
  if (plain !== null) return { user: Number(plain[1]), device: Number(plain[2]) }
  const bytes = token.startsWith('p') ? findBase64(token.slice(1)) : undefined
  if (bytes?.length !== BYTES) return undefined
  const mask = sha256(label('token'), bytes.subarray(0, SECRET_BYTES))
  const address = new DataView(bytes.slice(SECRET_BYTES).map((byte, index) => byte ^ mask[index]!).buffer)
  const user = Number(address.getBigUint64(0))
  return Number.isSafeInteger(user) ? { user, device: address.getUint32(8) } : undefined
}
