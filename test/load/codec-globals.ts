import { b64decode, b64encode } from 'k6/encoding'

/**
 * The parts of Node that the codec of `proto` uses, and k6 lacks: import this before the codec. k6 interprets
 * JavaScript, so what goes byte by byte there is slow: spreading a typed array most of all. Its own functions do more
 * at once.
 */

const ASCII = /^[\0-\x7f]*$/

function decodeText(bytes: Uint8Array): string {
  // oxlint-disable-next-line unicorn/prefer-spread, prefer-spread
  const text = String.fromCharCode.apply(undefined, bytes as unknown as number[])
  return ASCII.test(text) ? text : b64decode(b64encode(bytes.slice().buffer as ArrayBuffer), 'std', 's')
}

function encodeText(text: string): Uint8Array {
  return new Uint8Array(b64decode(b64encode(text)))
}

const bufferMethods = {
  utf8Slice(this: Uint8Array, start: number, end: number): string {
    return decodeText(this.subarray(start, end))
  },
  /** The codec asks only whether the text was as long as its bytes. */
  utf8Write(this: Uint8Array, text: string, start: number): number {
    const bytes = encodeText(text)
    if (bytes.length === text.length) this.set(bytes, start)
    return bytes.length
  },
  base64Slice(this: Uint8Array, start: number, end: number): string {
    return b64encode(this.slice(start, end).buffer as ArrayBuffer)
  },
}

Object.assign(globalThis, {
  Buffer: { prototype: bufferMethods, from: (text: string) => new Uint8Array(b64decode(text)) },
  TextDecoder: class {
    decode(bytes: Uint8Array): string {
      return decodeText(bytes)
    }
  },
  TextEncoder: class {
    encode(text: string): Uint8Array {
      return encodeText(text)
    }
  },
})

// A server never sends half of a surrogate pair.
Object.assign(String.prototype, { isWellFormed: () => true })
