import { malformed } from './errors.ts'

/** RFC 4648 section 5, without padding: for QR codes and links. */
export function encodeBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Takes the one encoding only that {@link encodeBase64Url} makes. @throws {CryptoError} MALFORMED */
export function decodeBase64Url(text: string): Uint8Array {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) malformed('Not base64url')
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0))
  if (encodeBase64Url(bytes) !== text) malformed('Not the one encoding of these bytes')
  return bytes
}
