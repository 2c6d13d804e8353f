import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { defaultLimits, type Limit, type LimitName, type Limits } from './limits.ts'

/** Takes one line that says what is wrong with one variable. */
export type Report = (line: string) => void

/** Each parser takes a variable's name and value, reports a wrong value, and goes on with something of the right type. */
export function parseInteger(
  name: string,
  value: string | undefined,
  range: { default: number; min: number; max: number },
  report: Report,
): number {
  if (!value) return range.default
  const number = /^\d{1,15}$/.test(value.trim()) ? Number(value) : NaN
  if (number >= range.min && number <= range.max) return number
  report(`${name} must be a whole number from ${range.min} to ${range.max}, not ${quote(value)}`)
  return range.default
}

export function parseOneOf<T extends string>(
  name: string,
  value: string | undefined,
  choices: readonly T[],
  fallback: T,
  report: Report,
): T {
  if (!value) return fallback
  const choice = choices.find((one) => one === value)
  if (choice === undefined) report(`${name} must be one of ${choices.join(', ')}, not ${quote(value)}`)
  return choice ?? fallback
}

/** A name that fits into logs, metrics and subjects of the bus. */
export function parseName(name: string, value: string | undefined, fallback: string, report: Report): string {
  if (!value) return fallback
  if (/^[A-Za-z0-9_-]{1,64}$/.test(value)) return value
  report(`${name} must be 1 to 64 letters, digits, "-" or "_", not ${quote(value)}`)
  return fallback
}

/** A folder, made absolute, whose name a shell and PostgreSQL take as it is. */
export function parsePlainPath(name: string, value: string | undefined, report: Report): string | undefined {
  if (!value) return undefined
  const path = resolve(value)
  if (!/['%\\\p{Cc}]/u.test(path)) return path
  report(`${name} must be a folder without ', %, \\ and control characters in its path, not ${quote(value)}`)
  return undefined
}

/** The value is not repeated in the line: it may hold a password. */
export function parseUrl(
  name: string,
  value: string | undefined,
  protocols: readonly string[],
  report: Report,
): string | undefined {
  if (!value) return undefined
  if (protocols.includes(URL.parse(value)?.protocol ?? '')) return value
  report(`${name} must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
  return undefined
}

/** A list separated by commas. */
export function parseUrls(
  name: string,
  value: string | undefined,
  protocols: readonly string[],
  report: Report,
): readonly string[] | undefined {
  if (!value) return undefined
  const urls = value.split(',').map((part) => part.trim())
  if (urls.some((url) => url === '')) {
    report(`${name} must be a list of URLs separated by commas, without empty places`)
    return undefined
  }
  if (new Set(urls).size < urls.length) report(`${name} names the same URL twice`)
  urls.forEach((url, index) => {
    parseUrl(urls.length > 1 ? `${name} (number ${index + 1})` : name, url, protocols, report)
  })
  return urls
}

/** A list of IP addresses and networks such as `10.0.0.0/8`, separated by commas. */
export function parseNetworks(name: string, value: string | undefined, report: Report): readonly string[] {
  if (!value) return []
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((network) => {
      const [address = '', prefix, ...more] = network.split('/')
      const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
      const good =
        bits > 0 && more.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
      if (!good) report(`${name} must be IP addresses or networks such as 10.0.0.0/8, not ${quote(network)}`)
      return good
    })
}

/** Keys of 32 bytes, as hexadecimal digits or base64, separated by commas. The values are not repeated in the line. */
export function parseKeys(name: string, value: string | undefined, report: Report): readonly Buffer[] | undefined {
  if (!value) return undefined
  const texts = value.split(',').map((text) => text.trim())
  const keys = texts.flatMap((text) => {
    if (/^[0-9a-f]{64}$/i.test(text)) return [Buffer.from(text, 'hex')]
    if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return [Buffer.from(text, 'base64')]
    return []
  })
  if (keys.length === texts.length) return keys
  report(`${name} must be 32 bytes, as base64 or as 64 hexadecimal digits; several such keys are separated by commas`)
  return undefined
}

const limitSchema = z.strictObject({
  burst: z.number().min(1).max(1_000_000_000),
  perSecond: z.number().positive().max(1_000_000_000),
})

/** JSON such as `{"send":{"burst":20000,"perSecond":5000}}`; a half that is left out keeps its default. */
export function parseLimits(name: string, value: string | undefined, report: Report): Limits {
  if (!value) return defaultLimits
  let given: unknown
  try {
    given = JSON.parse(value)
  } catch {
    given = undefined
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    report(`${name} must be a JSON object such as {"send":{"burst":20000,"perSecond":5000}}`)
    return defaultLimits
  }
  const limits: Record<LimitName, Limit> = { ...defaultLimits }
  for (const [bucket, change] of Object.entries(given)) {
    if (!Object.hasOwn(defaultLimits, bucket)) {
      report(`${name}: there is no limit ${quote(bucket)}; there are ${Object.keys(defaultLimits).join(', ')}`)
      continue
    }
    const merged =
      typeof change === 'object' && change !== null ? { ...limits[bucket as LimitName], ...change } : change
    const parsed = limitSchema.safeParse(merged)
    if (parsed.success) limits[bucket as LimitName] = parsed.data
    else report(`${name}: ${bucket} must be {"burst": 1 or more, "perSecond": more than 0}, not ${quote(change)}`)
  }
  return limits
}

function quote(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
