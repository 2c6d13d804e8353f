import { malformed } from '../errors.ts'

/** Bytes in pieces of any size: an iterable, or a stream of the platform. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | ReadableStream<Uint8Array>

/** Reads a source in the sizes that its reader wants, no further than asked but for the rest of a piece. */
export class SourceReader {
  readonly #pieces: AsyncGenerator<Uint8Array, void, undefined>
  #piece: Uint8Array = new Uint8Array(0)

  constructor(source: ByteSource) {
    this.#pieces = piecesOf(source)
  }

  /** The next `size` bytes; fewer only at the end. */
  async read(size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size)
    let filled = 0
    while (filled < size && (await this.hasMore())) {
      const taken = this.#piece.subarray(0, size - filled)
      bytes.set(taken, filled)
      filled += taken.length
      this.#piece = this.#piece.subarray(taken.length)
    }
    return bytes.subarray(0, filled)
  }

  /** @throws {CryptoError} MALFORMED when fewer bytes are left */
  async readAll(size: number): Promise<Uint8Array> {
    const bytes = await this.read(size)
    if (bytes.length < size) malformed('The file ends too early')
    return bytes
  }

  async hasMore(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const { done, value } = await this.#pieces.next()
      if (done === true) return false
      this.#piece = value
    }
    return true
  }

  /** Lets go of a source that was not read to its end. */
  async close(): Promise<void> {
    await this.#pieces.return()
  }
}

/** As a stream of the platform, which reads ahead of nobody. */
export function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await pieces.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  // Not every browser iterates streams.
  if (!('getReader' in source)) return yield* source
  const reader = source.getReader()
  let ended = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      ended = done
      if (done) return
      yield value
    }
  } finally {
    if (!ended) await reader.cancel()
  }
}
