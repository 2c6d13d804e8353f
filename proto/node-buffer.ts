/** The methods of Node's Buffer that this folder uses, on any Uint8Array. */
interface BufferMethods {
  utf8Slice(this: Uint8Array, start: number, end: number): string
  /** As many whole characters as `length` bytes hold. Returns the number of bytes. */
  utf8Write(this: Uint8Array, text: string, start: number, length: number): number
  base64Slice(this: Uint8Array, start: number, end: number): string
}

interface NodeBuffer {
  readonly prototype: BufferMethods
  from(text: string, encoding: 'base64'): Uint8Array
}

/**
 * Node's Buffer, undefined elsewhere. For short strings it takes half of the time of TextDecoder and TextEncoder, for
 * base64 a tenth of the time of atob and btoa.
 */
export const nodeBuffer = (globalThis as { Buffer?: NodeBuffer }).Buffer
