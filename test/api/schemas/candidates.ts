import fc from 'fast-check'
import { isValid } from './json-schema.ts'
import type { JsonSchema } from './json-schema.ts'

/** Samples of one pattern; the same ones in each run. */
const SAMPLES = { numRuns: 6, seed: 42 }
const MAX_SAMPLED = 64
const VCARD = 'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nEND:VCARD'
const OTHER_TYPES: readonly unknown[] = [null, true, [], {}, '', 'x', 1, -1, 0.5]

/**
 * Values at and around each limit of a schema, within and without. What a schema cannot say, of phone numbers and vCards,
 * is not tried.
 */
export function candidates(schema: JsonSchema): unknown[] {
  const { anyOf = [], oneOf = [], allOf = [], type } = schema
  const branches = [...anyOf, ...oneOf].filter((one) => one.type !== undefined).flatMap(candidates)
  const types = new Set([type ?? []].flat())
  const own = [
    ...(types.has('string') ? strings(schema) : []),
    ...(types.has('integer') || types.has('number') ? numbers(schema) : []),
    ...(types.has('array') ? arrays(schema) : []),
    ...(types.has('object') ? objects(schema) : []),
    ...(schema.enum ?? []),
    ...('const' in schema ? [schema.const] : []),
    ...allOf.flatMap(candidates),
  ]
  const all = [...branches, ...own, ...OTHER_TYPES]
  return saysAll(schema) ? all : all.filter((value) => isKnown(schema, value))
}

function saysAll({ format, contentMediaType, anyOf = [] }: JsonSchema): boolean {
  return format !== 'phone-number' && contentMediaType === undefined && anyOf.every(saysAll)
}

function isKnown(schema: JsonSchema, value: unknown): boolean {
  return !isValid(schema, value) || value === VCARD || String(value).replace('+', '') === '15550000001'
}

function strings({ pattern, minLength, maxLength, examples = [] }: JsonSchema): string[] {
  const counts = [...(pattern ?? '').matchAll(/\{(?:\d+,)?(\d+)\}/g)].map(([, count]) => Number(count))
  const lengths = new Set(
    [0, 1, minLength ?? 1, maxLength ?? 1, ...counts].flatMap((length) => [length - 1, length, length + 1, length + 2]),
  )
  const repeated = [...lengths]
    .filter((length) => length >= 0)
    .flatMap((length) => ['A', '1', '😀', ' '].map((char) => char.repeat(length)))
  // fast-check draws slowly from long texts, and from all of Unicode.
  const isShort = counts.every((count) => count <= MAX_SAMPLED) && !/\\p/i.test(pattern ?? '')
  const matching =
    pattern === undefined || !isShort ? [] : fc.sample(fc.stringMatching(new RegExp(pattern, 'u')), SAMPLES)
  const whole = [...matching, ...(examples as string[]), VCARD, '+15550000001', '15550000001', '+0', '٣']
  const spoilt = whole.flatMap((text) => [text, text.slice(1), text.slice(0, -1), `${text}\n`, `é${text}`])
  const padded = pattern?.includes('=') ? repeated.flatMap((text) => [`${text}=`, `${text}==`]) : []
  return [...repeated, ...spoilt, ...padded]
}

function numbers({ minimum = -1e15, maximum = 1e15 }: JsonSchema): number[] {
  const edges = [minimum - 1, minimum, minimum + 0.5, minimum + 1, maximum - 1, maximum, maximum + 0.5, maximum + 1]
  return [...edges, 0, 2 ** 53, 1e21, 15550000001]
}

function arrays({ items = {}, minItems = 0, maxItems }: JsonSchema): unknown[][] {
  const ofItems = candidates(items)
  const good = ofItems.find((value) => isValid(items, value))
  const lengths = [0, minItems - 1, minItems, 1, ...(maxItems === undefined ? [] : [maxItems, maxItems + 1])]
  const filled = lengths.filter((length) => length >= 0).map((length) => Array.from({ length }, () => good))
  return [...filled, ...ofItems.map((value) => [value])]
}

function objects(schema: JsonSchema): Record<string, unknown>[] {
  const { properties = {}, required = [] } = schema
  const values = Object.entries(properties).map(([name, of]) => [name, candidates(of), of] as const)
  const good = values.flatMap(([name, ofName, of]) => {
    const value = ofName.find((one) => isValid(of, one))
    return value === undefined ? [] : [[name, value] as const]
  })
  const whole = Object.fromEntries(good)
  const least = Object.fromEntries(good.filter(([name]) => required.includes(name)))
  const without = good.map(([name]) => Object.fromEntries(good.filter(([one]) => one !== name)))
  const only = good.map(([name, value]) => ({ ...least, [name]: value }))
  const changed = values.flatMap(([name, ofName]) => ofName.map((value) => ({ ...least, [name]: value })))
  return [whole, least, {}, ...without, ...only, ...changed, { ...whole, nobodyKnowsIt: 1 }, { ...least, nobody: 1 }]
}
