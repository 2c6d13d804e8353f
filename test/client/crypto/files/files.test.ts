import { createHash } from 'node:crypto'
import test from 'ava'
import * as fc from 'fast-check'
import nacl from 'tweetnacl'
import { concat, equal } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { streamOf } from '../../../../client/crypto/files/byte-source.ts'
import { decryptFile } from '../../../../client/crypto/files/decrypt-file.ts'
import { blobRange, decryptRange } from '../../../../client/crypto/files/decrypt-range.ts'
import { FileEncryption } from '../../../../client/crypto/files/encrypt-file.ts'
import type { FileDescriptor } from '../../../../client/crypto/files/file-descriptor.ts'
import { blobBytes, chunkCount, paddedBytes, requirePaddedBytes } from '../../../../client/crypto/files/sizes.ts'
import { hkdf } from '../../../../client/crypto/primitives/hash.ts'
import { times } from '../../../helpers/long.ts'
import { collect, content, encrypted } from '../helpers/blobs.ts'

const CHUNK = 65_536
const SEALED = CHUNK + 16
const LARGE_MB = times(10, 200)
/** Of what encrypts and decrypts a file each time. */
const FILES = times(10, 40)
const anyCryptoError = { instanceOf: CryptoError }

const decrypt = (blob: Uint8Array, file: FileDescriptor): Promise<Uint8Array> => collect(decryptFile([blob], file))

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? bytes.length)
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}

test('files of every size come back, and have the size that their bucket says', async (t) => {
  for (const size of [0, 1, 540, 541, 542, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK, 1_300_000]) {
    const plain = content(size)
    const { blob, file } = await encrypted([plain])
    t.is(blob.length, blobBytes(paddedBytes(size)), `${size}`)
    t.is(file.blobSize, blob.length)
    t.is(file.plaintextSize, size)
    t.deepEqual(file.digest, new Uint8Array(createHash('sha256').update(blob).digest()))
    t.true(equal(await decrypt(blob, file), plain), `${size}`)
  }
})

test('how the source is cut changes nothing, on both sides', async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.nat(200_000), sizes, sizes, async (size, inCuts, outCuts) => {
      const plain = content(size)
      const { blob, file } = await encrypted([new Uint8Array(0), ...cut(plain, inCuts)])
      t.true(equal(await collect(decryptFile(cut(blob, outCuts), file)), plain))
    }),
    { numRuns: FILES },
  )
})

test('the bytes are those of the specification', async (t) => {
  const plain = content(70_000)
  const { blob, file } = await encrypted([plain])
  const header = blob.subarray(0, 21)
  t.deepEqual(header.subarray(0, 6), Uint8Array.of(1, 0x40, 0, 1, 0, 0))
  const info = concat(new TextEncoder().encode('Parley-v1/file\0'), header)
  const key = hkdf(file.fileKey, new Uint8Array(32), info, 32)
  const opened: Uint8Array[] = []
  for (let at = 21, index = 0; at < blob.length; at += SEALED, index++) {
    const nonce = new Uint8Array(24)
    nonce.set(header.subarray(6))
    nonce[22] = index
    nonce[23] = at + SEALED >= blob.length ? 1 : 0
    const chunk = nacl.secretbox.open(blob.subarray(at, at + SEALED), nonce, key)
    if (chunk === null) return t.fail(`Chunk ${index}`)
    opened.push(chunk)
  }
  const padded = concat(...opened)
  t.true(equal(padded.subarray(0, plain.length), plain))
  t.is(padded.length, paddedBytes(plain.length))
  t.true(padded.subarray(plain.length).every((byte) => byte === 0))
})

test('two encryptions of one file share neither key nor bytes', async (t) => {
  const [one, two] = [await encrypted([content(600)]), await encrypted([content(600)])]
  t.notDeepEqual(one.file.fileKey, two.file.fileKey)
  t.notDeepEqual(one.blob, two.blob)
})

test('a file cut off at any byte is never complete', async (t) => {
  const small = await encrypted([content(300)])
  for (let size = 0; size < small.blob.length; size++)
    await t.throwsAsync(decrypt(small.blob.slice(0, size), small.file), anyCryptoError)
  await t.notThrowsAsync(decrypt(small.blob, small.file))

  const { blob, file } = await encrypted([content(3 * CHUNK)])
  const edges = [0, 1, 2, 3].flatMap((count) => [-1, 0, 1, 16].map((more) => 21 + count * SEALED + more))
  for (const size of edges) {
    await t.throwsAsync(decrypt(blob.slice(0, size), file), anyCryptoError)
    // Also when whoever cut it can change the sizes that were said.
    const said = { ...file, blobSize: size, plaintextSize: Math.min(file.plaintextSize, Math.max(0, size - 100)) }
    await t.throwsAsync(decrypt(blob.slice(0, size), said), anyCryptoError)
  }
  await t.notThrowsAsync(decrypt(blob, file))
})

test('a file with any byte changed is never complete', async (t) => {
  const { blob, file } = await encrypted([content(300)])
  for (let at = 0; at < blob.length; at++) {
    const changed = blob.slice()
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    await t.throwsAsync(decrypt(changed, file), anyCryptoError)
  }
})

test('chunks left out, swapped, doubled, added or from another file are never complete', async (t) => {
  const encryption = new FileEncryption([content(4 * CHUNK)])
  const pieces = await Array.fromAsync(encryption.blob())
  const file = encryption.descriptor
  const [header, a, b, c, ...rest] = pieces
  const other = await Array.fromAsync(new FileEncryption([content(4 * CHUNK)], file.fileKey).blob())
  if (header === undefined || a === undefined || b === undefined || c === undefined) return t.fail('Too few chunks')
  const wrong: Record<string, (Uint8Array | undefined)[]> = {
    'left out': [header, a, c, ...rest],
    swapped: [header, b, a, c, ...rest],
    doubled: [header, a, a, b, c, ...rest],
    'doubled in place': [header, a, a, c, ...rest],
    'of another file under the same key': [header, other[1], b, c, ...rest],
    'another file under the same key': other,
    "another file's header": [other[0], a, b, c, ...rest],
    'first chunk as the last': [header, a],
    'a byte more': [...pieces, Uint8Array.of(0)],
    'nothing but the header': [header],
  }
  for (const [name, chosen] of Object.entries(wrong)) {
    const blob = concat(...chosen.filter((piece) => piece !== undefined))
    await t.throwsAsync(decrypt(blob, file), anyCryptoError, name)
    const said = { ...file, blobSize: blob.length, plaintextSize: Math.min(file.plaintextSize, 500) }
    if (name !== 'another file under the same key') await t.throwsAsync(decrypt(blob, said), anyCryptoError, name)
  }
  t.true(equal(await decrypt(concat(...pieces), file), content(4 * CHUNK)))
})

test('a chunk is given only when it is verified, and the error comes before the end', async (t) => {
  const { blob, file } = await encrypted([content(2 * CHUNK)])
  const changed = blob.slice()
  changed[21 + SEALED + 5] = (changed[21 + SEALED + 5] ?? 0) ^ 1
  const given: Uint8Array[] = []
  await t.throwsAsync(
    async () => {
      for await (const piece of decryptFile([changed], file)) given.push(piece)
    },
    { code: 'BAD_TAG' },
  )
  t.true(equal(concat(...given), content(CHUNK)))
})

test('another digest, key or size is refused', async (t) => {
  const { blob, file } = await encrypted([content(900)])
  const wrong: [Partial<FileDescriptor>, string][] = [
    [{ digest: new Uint8Array(32) }, 'BAD_TAG'],
    [{ fileKey: new Uint8Array(32) }, 'BAD_TAG'],
    [{ blobSize: file.blobSize + 1 }, 'MALFORMED'],
    [{ blobSize: file.blobSize - 1 }, 'BAD_TAG'],
    [{ plaintextSize: 5_000 }, 'MALFORMED'],
    [{ plaintextSize: -1 }, 'MALFORMED'],
    [{ plaintextSize: 1.5 }, 'MALFORMED'],
    [{ blobSize: 36 }, 'MALFORMED'],
    [{ blobSize: NaN }, 'MALFORMED'],
    [{ blobSize: 2 ** 60 }, 'MALFORMED'],
  ]
  for (const [change, code] of wrong)
    await t.throwsAsync(decrypt(blob, { ...file, ...change }), { instanceOf: CryptoError, code })
  await t.throwsAsync(decrypt(concat(blob, Uint8Array.of(0)), file), { code: 'MALFORMED' })
  await t.notThrowsAsync(decrypt(blob, file))
})

test('sizes and buckets', (t) => {
  t.deepEqual([0, 541, 542, 568, 569, 1_000_000].map(paddedBytes), [541, 541, 568, 568, 596, 1_022_755])
  t.deepEqual([0, 1, CHUNK, CHUNK + 1].map(chunkCount), [1, 1, 1, 2])
  fc.assert(
    fc.property(fc.nat(200_000_000), (size) => {
      const padded = paddedBytes(size)
      t.true(padded >= size && padded <= Math.max(541, size * 1.05))
      t.is(paddedBytes(padded), padded)
      t.is(requirePaddedBytes({ blobSize: blobBytes(padded), plaintextSize: size }), padded)
    }),
  )
  t.is(requirePaddedBytes({ blobSize: 37, plaintextSize: 0 }), 0)
  let sizes = 0
  for (let blobSize = 0; blobSize < 3 * SEALED + 21; blobSize++) {
    try {
      const padded = requirePaddedBytes({ blobSize, plaintextSize: 0 })
      if (blobBytes(padded) === blobSize) sizes++
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    }
  }
  t.is(sizes, 3 * CHUNK)
})

test('any part of a file is played from the chunks that hold it', async (t) => {
  const plain = content(3 * CHUNK + 77)
  const { blob, file } = await encrypted([plain])
  const range = fc.tuple(fc.nat(plain.length - 1), fc.nat(plain.length - 1))
  const property = fc.asyncProperty(range, async ([one, two]) => {
    const wanted = { from: Math.min(one, two), to: Math.max(one, two) + 1 }
    const { from, to } = blobRange(file, wanted)
    t.true(to - from <= wanted.to - wanted.from + 2 * SEALED)
    const part = await collect(decryptRange(blob.subarray(0, 21), [blob.subarray(from, to)], file, wanted))
    t.true(equal(part, plain.subarray(wanted.from, wanted.to)))
  })
  const ends = [0, CHUNK - 1, CHUNK, 2 * CHUNK, plain.length - 1]
  await fc.assert(property, { numRuns: 100, examples: ends.map((end) => [[0, end]]) })

  const wanted = { from: CHUNK, to: CHUNK + 10 }
  const { from, to } = blobRange(file, wanted)
  const part = (source: Uint8Array) => collect(decryptRange(blob.subarray(0, 21), [source], file, wanted))
  await t.throwsAsync(part(blob.subarray(from, to - 1)), { code: 'MALFORMED' })
  await t.throwsAsync(part(blob.subarray(from - SEALED, to - SEALED)), { code: 'BAD_TAG' })
  await t.throwsAsync(part(new Uint8Array(0)), { code: 'MALFORMED' })
  await t.notThrowsAsync(part(blob.subarray(from, to)))
  for (const outside of [
    { from: 5, to: 5 },
    { from: -1, to: 5 },
    { from: 0, to: plain.length + 1 },
    { from: 0.5, to: 2 },
  ])
    t.throws(() => blobRange(file, outside), { code: 'MALFORMED' })
})

test('streams of the platform are read and made, and one that is not read to its end is let go', async (t) => {
  const plain = content(2 * CHUNK)
  const encryption = new FileEncryption(new Blob([plain]).stream())
  const blob = new Uint8Array(await new Response(streamOf(encryption.blob())).arrayBuffer())
  const stream = streamOf(decryptFile(new Blob([blob]).stream(), encryption.descriptor))
  t.true(equal(new Uint8Array(await new Response(stream).arrayBuffer()), plain))

  let cancelled = 0
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(CHUNK)),
    cancel: () => void cancelled++,
  })
  const pieces = new FileEncryption(endless).blob()
  await pieces.next()
  await pieces.next()
  await pieces.return()
  t.is(cancelled, 1)
  t.throws(() => new FileEncryption([]).descriptor, { instanceOf: RangeError })
})

test(`${LARGE_MB} MB pass with four chunks ahead of the reader at most, both ways`, async (t) => {
  const PIECE = 60_000
  const plaintextSize = Math.ceil((LARGE_MB * 1e6) / PIECE) * PIECE
  let given = 0
  let taken = 0
  let ahead = 0
  function* source(): Generator<Uint8Array> {
    const piece = content(PIECE)
    while (given < plaintextSize) {
      given += PIECE
      ahead = Math.max(ahead, given - taken)
      yield piece
    }
  }
  const fileKey = new Uint8Array(32)
  const encryption = new FileEncryption(source(), fileKey)
  const file: FileDescriptor = {
    fileKey,
    plaintextSize,
    blobSize: blobBytes(paddedBytes(plaintextSize)),
    // Asked for at the end, when all has passed through both.
    get digest() {
      return encryption.descriptor.digest
    },
  }
  for await (const piece of decryptFile(encryption.blob(), file)) taken += piece.length
  t.is(taken, plaintextSize)
  t.true(ahead <= 4 * CHUNK, `${ahead} bytes ahead`)
})
