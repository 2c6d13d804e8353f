import { concat } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { times } from '../../../helpers/long.ts'
import { Random } from '../../../proto/helpers/random.ts'

/** A failure is repeated with FUZZ_SEED=<seed>. */
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const INPUTS = times(10_000, 100_000)
/** Random inputs are cut out of so much. */
const NOISE_BYTES = 65_536

export interface Parser<T> {
  decode(bytes: Uint8Array): T
  encode(value: T): Uint8Array
}

/**
 * Gives a parser random bytes, and samples that were changed: it refuses them with a typed error, or takes them and gives
 * the same bytes back.
 *
 * @returns how many of the inputs were taken and refused
 * @throws Error for anything else, with the seed
 */
export function fuzzParser<T>(
  { decode, encode }: Parser<T>,
  samples: readonly Uint8Array[],
): { taken: number; refused: number } {
  const random = new Random(seed)
  const noise = Uint8Array.from({ length: NOISE_BYTES }, () => random.below(256))
  const counts = { taken: 0, refused: 0 }
  const { stackTraceLimit } = Error
  // Most inputs end in an error, whose trace takes longer to make than all the rest.
  Error.stackTraceLimit = 0
  try {
    for (let i = 0; i < INPUTS; i++) {
      const input = i % 4 === 0 ? randomInput(random, noise, samples) : mutate(random, random.of(samples).slice())
      const outcome = judge(input, decode, encode)
      if (typeof outcome !== 'boolean') throw new Error(`FUZZ_SEED=${seed}, input ${i}`, { cause: outcome })
      counts[outcome ? 'taken' : 'refused'] += 1
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return counts
}

function judge<T>(input: Uint8Array, decode: Parser<T>['decode'], encode: Parser<T>['encode']): unknown {
  const before = input.slice()
  try {
    const again = encode(decode(input))
    if (Buffer.compare(again, before) !== 0) return new Error('It has two encodings')
    return Buffer.compare(input, before) === 0 ? true : new Error('The input was changed')
  } catch (error) {
    return error instanceof CryptoError ? false : error
  }
}

function randomInput(random: Random, noise: Uint8Array, samples: readonly Uint8Array[]): Uint8Array {
  const sizes = [random.below(16), random.below(600), random.of(samples).length]
  const size = random.of(sizes)
  const from = random.below(noise.length - size)
  const input = noise.slice(from, from + size)
  // Half of them come past the version and type.
  if (random.below(2) === 0) input.set(random.of(samples).subarray(0, Math.min(2, input.length)))
  return input
}

const EDGES = [0, 1, 0x7f, 0x80, 0xff]

function mutate(random: Random, sample: Uint8Array): Uint8Array {
  const at = random.below(sample.length)
  switch (random.below(6)) {
    case 0:
      return sample.subarray(0, at)
    case 1:
      return concat(sample, new Uint8Array(1 + random.below(40)))
    case 2:
      return concat(sample.subarray(0, at), sample.subarray(at + 1 + random.below(4)))
    case 3:
      return sample.fill(random.of(EDGES), at, at + 1 + random.below(8))
    case 4:
      // Where lengths, counts and flags stand.
      sample[random.below(Math.min(110, sample.length))] = random.of(EDGES)
      return sample
    default:
      sample[at] = (sample[at] as number) ^ (1 << random.below(8))
      return sample
  }
}
