import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import { decodeContent, encodeContent } from '../../client/content.ts'
import {
  DecodeError,
  decodeClientFrames,
  decodeClientFramesJson,
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
  encodeServerFrames,
  encodeServerFramesJson,
} from '../../proto/codec.ts'
import { times } from '../helpers/long.ts'
import { content } from './helpers/arbitrary-content.ts'
import { clientFrames, serverFrames } from './helpers/arbitrary-frames.ts'
import { Random } from './helpers/random.ts'

/** A failure is repeated with FUZZ_SEED=<seed>. */
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const INPUTS = times(20_000, 120_000)
const SAMPLES = 150

/** Bytes and words that decoders trip over. */
const BYTES = [0x00, 0x01, 0x07, 0x08, 0x0a, 0x12, 0x1a, 0x22, 0x7f, 0x80, 0xff]
const WORDS =
  '{ } [ ] , : " \\ \\u0000 \\ud800 null true {} [] "" -1 0.5 1e999 -0 9007199254740993 "18446744073709551616" "__proto__" "frames" "send" "ack"'
    .split(' ')
    .concat('\u0000', '\ud800')

interface Samples<T> {
  readonly clients: readonly T[]
  readonly servers: readonly T[]
}

function clientSamples() {
  return fc.sample(clientFrames, { seed, numRuns: SAMPLES })
}

function serverSamples() {
  return fc.sample(serverFrames, { seed, numRuns: SAMPLES })
}

function randomBytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(60) }, () =>
    random.below(2) === 0 ? random.of(BYTES) : random.below(256),
  )
}

function mutateBytes(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  const bytes = random.of(samples).slice()
  const at = random.below(bytes.length + 1)
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at)
    case 1: {
      const other = random.of(samples)
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))])
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), randomBytes(random), bytes.subarray(at)])
    default:
      for (let edits = 1 + random.below(4); edits > 0 && bytes.length > 0; edits--) {
        bytes[random.below(bytes.length)] = random.below(2) === 0 ? random.of(BYTES) : random.below(256)
      }
      return bytes
  }
}

function mutateText(random: Random, samples: readonly string[]): string {
  const text = random.of(samples)
  const at = random.below(text.length + 1)
  const skipped = at + random.below(8)
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + text.slice(skipped)
    case 2:
      return text.slice(0, at) + random.of(samples).slice(random.below(text.length + 1))
    case 3:
      return text.slice(0, at) + random.of(WORDS) + text.slice(skipped)
    default: {
      // Another value where one stands, so that the text stays JSON.
      const values = [...text.matchAll(/"[^"\\]*"|\d+|true|false/g)]
      if (values.length === 0) return random.of(WORDS)
      const { 0: value, index } = random.of(values)
      return text.slice(0, index) + random.of(WORDS) + text.slice(index + value.length)
    }
  }
}

/** Runs the decoder on all inputs: frames or a DecodeError come out, and frames can be written and read again. */
function fuzz<Input, Output>(
  t: ExecutionContext,
  inputs: number,
  next: () => Input,
  decode: (input: Input) => Output,
  encode: (output: Output) => Input,
): void {
  let decoded = 0
  for (let i = 0; i < inputs; i++) {
    const input = next()
    let output: Output
    try {
      output = decode(input)
    } catch (error) {
      if (error instanceof DecodeError) continue
      return t.fail(`Seed ${seed}, input ${i} (${JSON.stringify(input)}): ${String(error)}`)
    }
    decoded++
    const known = withoutUnknown(output)
    if (known !== undefined && !isDeepStrictEqual(decode(encode(known)), known)) {
      return t.fail(`Seed ${seed}, input ${i}: written and read again it is something else`)
    }
  }
  t.log(`seed ${seed}: ${inputs} inputs, ${decoded} decoded`)
  t.true(decoded > inputs / 100 && decoded < inputs)
}

/** Unknown frames cannot be written; content with an unknown part as a whole not. */
function withoutUnknown<Output>(output: Output): Output | undefined {
  if (Array.isArray(output)) return output.filter((frame: { type: string }) => frame.type !== 'unknown') as Output
  const { chat, body } = output as { chat: { type: string }; body: { type: string } }
  return chat.type === 'unknown' || body.type === 'unknown' ? undefined : output
}

function nextBytes(random: Random, samples: readonly Uint8Array[]): () => Uint8Array {
  return () => (random.below(4) === 0 ? randomBytes(random) : mutateBytes(random, samples))
}

const binary: Samples<Uint8Array> = {
  clients: clientSamples().map((frames) => encodeClientFrames(frames).slice()),
  servers: serverSamples().map((frames) => encodeServerFrames(frames).slice()),
}

const json: Samples<string> = {
  clients: clientSamples().map(encodeClientFramesJson),
  servers: serverSamples().map(encodeServerFramesJson),
}

test('any bytes from a client are frames or a DecodeError', (t) => {
  const random = new Random(seed)
  fuzz(t, INPUTS / 2, nextBytes(random, binary.clients), decodeClientFrames, (frames) =>
    encodeClientFrames(frames).slice(),
  )
})

test('any bytes from a server are frames or a DecodeError', (t) => {
  const random = new Random(seed + 1)
  fuzz(t, INPUTS / 2, nextBytes(random, binary.servers), decodeServerFrames, (frames) =>
    encodeServerFrames(frames).slice(),
  )
})

test('any text from a client is frames or a DecodeError', (t) => {
  const random = new Random(seed + 2)
  fuzz(t, INPUTS / 2, () => mutateText(random, json.clients), decodeClientFramesJson, encodeClientFramesJson)
})

test('any text from a server is frames or a DecodeError', (t) => {
  const random = new Random(seed + 3)
  fuzz(t, INPUTS / 2, () => mutateText(random, json.servers), decodeServerFramesJson, encodeServerFramesJson)
})

test('any plaintext is content or a DecodeError', (t) => {
  const random = new Random(seed + 4)
  const samples = fc.sample(content, { seed, numRuns: SAMPLES }).map(encodeContent)
  fuzz(t, INPUTS / 4, nextBytes(random, samples), decodeContent, encodeContent)
})
