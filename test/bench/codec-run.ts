/**
 * One codec of the bench, in a process of its own, so that nothing which the others do to the heap or to the compiler
 * tells. Argument: a key of `candidates`. Prints ns for one life, one number a batch size, as JSON.
 */
import { strictEqual } from 'node:assert/strict'
import {
  decodeClientFrames,
  decodeServerFrames,
  encodeClientFramesJson,
  encodeServerFrames,
  encodeServerFramesJson,
} from '../../proto/codec.ts'
import { generatedFolder } from './codec-generate.ts'
import { makeHops, makeLife } from './codec-life.ts'
import type { Codec, Hop } from './codec-life.ts'
import { makePbfCodec } from './codec-pbf.ts'
import { makeProtobufEsCodec } from './codec-protobuf-es.ts'
import { makeProtobufjsCodec } from './codec-protobufjs.ts'

export const BATCH_SIZES = [1, 32]
const LIVES = 1_024
const WARM_UP_ROUNDS = 30
const ROUNDS = 51

/** By their names in the table. */
export const candidates = new Map<string, () => Codec | Promise<Codec>>([
  ['@bufbuild/protobuf 2.17.0', () => makeProtobufEsCodec(generatedFolder('fixed64'))],
  ['  with message ids as uint64', () => makeProtobufEsCodec(generatedFolder('uint64'))],
  ['protobufjs 8.8.1, static code', () => makeProtobufjsCodec(generatedFolder('fixed64'))],
  ['  with message ids as uint64 ', () => makeProtobufjsCodec(generatedFolder('uint64'))],
  ['pbf 5.1.2, with a bigint writer', () => makePbfCodec(generatedFolder('fixed64'))],
  ['Parley', () => ({ decodeClientFrames, encodeServerFrames })],
])

if (import.meta.main) await main(process.argv[2] ?? '')

async function main(name: string): Promise<void> {
  const codec = await candidates.get(name)?.()
  if (codec === undefined) throw new Error(`No such codec: ${name}`)
  const lives = Array.from({ length: LIVES }, (_, i) => makeLife(i))
  const times = BATCH_SIZES.map((size) => {
    const hops = makeHops(lives, size)
    // uint64 makes another format, which only its own runtime reads.
    if (!name.includes('uint64')) check(codec, hops)
    return measure(codec, hops)
  })
  console.log(JSON.stringify(times))
}

/** The codec must give what Parley's gives. */
function check(codec: Codec, hops: readonly Hop[]): void {
  for (const hop of hops) {
    if ('decode' in hop) {
      for (const [i, bytes] of hop.decode.entries()) {
        strictEqual(
          encodeClientFramesJson(codec.decodeClientFrames(bytes)),
          encodeClientFramesJson(hop.frames[i] ?? []),
        )
      }
    } else {
      for (const frames of hop.encode) {
        const decoded = decodeServerFrames(codec.encodeServerFrames(frames))
        strictEqual(encodeServerFramesJson(decoded), encodeServerFramesJson(frames))
      }
    }
  }
}

/** Median ns for one life. */
function measure(codec: Codec, hops: readonly Hop[]): number {
  const times: number[] = []
  let sum = 0
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (const hop of hops) {
      if ('decode' in hop) for (const bytes of hop.decode) sum += codec.decodeClientFrames(bytes).length
      else for (const frames of hop.encode) sum += codec.encodeServerFrames(frames).length
    }
    if (round >= 0) times.push(Number(process.hrtime.bigint() - start) / LIVES)
  }
  if (sum === 0) throw new Error('Nothing was measured')
  return times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN
}
