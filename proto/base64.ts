import { nodeBuffer } from './node-buffer.ts'

/**
 * Base64 (RFC 4648 sections 4 and 5). Written in the standard alphabet with padding; read in either alphabet, with or
 * without padding.
 */

const CHUNK_BYTES = 8_192

export function encodeBase64(bytes: Uint8Array): string {
  if (nodeBuffer !== undefined) return nodeBuffer.prototype.base64Slice.call(bytes, 0, bytes.length)
  let binary = ''
  for (let i = 0; i < bytes.length; i += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(i, i + CHUNK_BYTES))
  }
  return btoa(binary)
}

/** undefined when the text is no base64. */
export function findBase64(text: string): Uint8Array | undefined {
  if (!isBase64(text)) return undefined
  if (nodeBuffer !== undefined) {
    const { buffer, byteOffset, length } = nodeBuffer.from(text, 'base64')
    return new Uint8Array(buffer, byteOffset, length)
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}

/** The decoders themselves pass over what does not belong in it. */
function isBase64(text: string): boolean {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if ((text.length - padding) % 4 === 1 || (padding > 0 && text.length % 4 !== 0)) return false
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text)
}
