/** Where and how an encrypted file is read: travels inside messages. */
export interface FileDescriptor {
  /** The server's name for it; absent before it is uploaded. */
  readonly blobId?: string
  /** 32 bytes, made for this file alone: a file that is uploaded again gets another. */
  readonly fileKey: Uint8Array
  /** SHA-256 of the encrypted file: there are other files that the same key opens. */
  readonly digest: Uint8Array
  /** Without the padding. */
  readonly plaintextSize: number
  readonly blobSize: number
}
