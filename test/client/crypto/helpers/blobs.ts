import { FileEncryption } from '../../../../client/crypto/files/encrypt-file.ts'
import type { ByteSource } from '../../../../client/crypto/files/byte-source.ts'
import { concat } from '../../../../client/crypto/bytes.ts'
import type { FileDescriptor } from '../../../../client/crypto/files/file-descriptor.ts'

export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return concat(...(await Array.fromAsync(pieces)))
}

export async function encrypted(source: ByteSource): Promise<{ blob: Uint8Array; file: FileDescriptor }> {
  const encryption = new FileEncryption(source)
  const blob = await collect(encryption.blob())
  return { blob, file: encryption.descriptor }
}

/** Bytes that differ from place to place. */
export function content(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff)
}
