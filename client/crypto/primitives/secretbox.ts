import nacl from 'tweetnacl'

export const NONCE_BYTES = 24
/** What a box is longer than its content. */
export const BOX_BYTES = 16

/** XSalsa20-Poly1305. It commits neither to its key nor to its place: whoever uses it sees to that. */
export function sealBox(content: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return nacl.secretbox(content, nonce, key)
}

/** undefined: another key or nonce, or other bytes. */
export function openBox(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  return nacl.secretbox.open(box, nonce, key) ?? undefined
}
