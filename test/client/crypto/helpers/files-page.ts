import { concat } from '../../../../client/crypto/bytes.ts'
import { decryptFile } from '../../../../client/crypto/files/decrypt-file.ts'
import { FileEncryption } from '../../../../client/crypto/files/encrypt-file.ts'
import { streamOf } from '../../../../client/crypto/files/byte-source.ts'
import { paddedBytes } from '../../../../client/crypto/files/sizes.ts'

// What a page runs, and Node too, to compare. Bytes travel as base64.

export interface TravellingFile {
  readonly blob: string
  readonly fileKey: string
  readonly digest: string
  readonly plaintextSize: number
  readonly blobSize: number
}

export async function encryptText(text: string): Promise<TravellingFile> {
  const encryption = new FileEncryption(new Blob([text]).stream())
  const blob = new Uint8Array(await new Response(streamOf(encryption.blob())).arrayBuffer())
  const { fileKey, digest, plaintextSize, blobSize } = encryption.descriptor
  return { blob: toBase64(blob), fileKey: toBase64(fileKey), digest: toBase64(digest), plaintextSize, blobSize }
}

/** The text, or the code of the error. */
export async function decryptText(file: TravellingFile): Promise<string> {
  const descriptor = { ...file, fileKey: fromBase64(file.fileKey), digest: fromBase64(file.digest) }
  try {
    const pieces = await Array.fromAsync(decryptFile([fromBase64(file.blob)], descriptor))
    return new TextDecoder().decode(concat(...pieces))
  } catch (error) {
    return (error as { code: string }).code
  }
}

export function buckets(sizes: readonly number[]): number[] {
  return sizes.map(paddedBytes)
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
