import { Metadata, parseDigits, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { parseUserId } from './ids.ts'

/** A country calling code has up to three digits (ITU-T E.164). */
const MAX_CODE_DIGITS = 3

/** No number is written with more, whatever marks came along. */
const MAX_WRITTEN = 100

const NEVER = /^(?!)/u

/** What the types of the library leave out: numbering plans by country calling code. */
interface Plans {
  readonly numberingPlan: { nationalPrefixForParsing(): string | undefined }
  selectNumberingPlan(code: string): void
}

/** How numbers begin that may have more than E.164 wants, by country calling code; undefined: none of that code has. */
const beginnings = new Map<string, RegExp | undefined>()

/**
 * The one way to write this number in E.164: without the 0 of calls within a country (+44 07911 123456), and with what a
 * mobile number has in calls from abroad (+54 11 15… is +54 9 11…). Two ways to write a number must not be two users.
 */
export function canonicalUser(user: number): number {
  const digits = String(user)
  if (!mayHaveMore(digits)) return user
  return parseUserId(parsePhoneNumberFromString(`+${digits}`)?.number) ?? user
}

/**
 * A user from how people write and copy phone numbers: "+1 (555) 000-0001", "15550000001", "0044 7911 123456",
 * "tel:+44-7911-123456", "+44 (0)7911 123456", with the digits of any script and whatever marks came along. Undefined when
 * it is none, or lacks the country code.
 */
export function readPhone(text: string): number | undefined {
  if (text.length > MAX_WRITTEN) return undefined
  const written = text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .trim()
    .replace(/^tel:/i, '')
    .replace(/;.*$/, '')
    .replace(/^\(\+([^)]*)\)/, '+$1')
  if (/\p{L}/u.test(written)) return undefined
  const whole = written.startsWith('+') ? written : `+${parseDigits(written).replace(/^00/, '')}`
  const number = parsePhoneNumberFromString(whole, { extract: false })
  return number?.isPossible() === true ? Number(number.number.slice(1)) : undefined
}

/** "+447911123456, not +4407911123456": how the number is written, if it is not written so; else undefined. */
export function correction(user: number): string | undefined {
  const canonical = canonicalUser(user)
  return canonical === user ? undefined : `+${canonical}, not +${user}`
}

/** That nobody has this number, and which one may have been meant. */
export function nobodyIs(user: number): string {
  const better = correction(user)
  return `Nobody is registered as +${user}${better === undefined ? '' : `: this number is written ${better}`}`
}

/** The full look takes some 40 µs, so that it is taken only where the first digits make it worth while. */
function mayHaveMore(digits: string): boolean {
  for (let length = 1; length <= MAX_CODE_DIGITS; length++) {
    const code = digits.slice(0, length)
    if (!beginnings.has(code)) beginnings.set(code, beginningOf(code))
    const beginning = beginnings.get(code)
    if (beginning !== undefined) return beginning.test(digits.slice(length))
  }
  return false
}

function beginningOf(code: string): RegExp | undefined {
  const metadata = new Metadata() as unknown as Plans
  try {
    metadata.selectNumberingPlan(code)
  } catch {
    return undefined
  }
  const pattern = metadata.numberingPlan.nationalPrefixForParsing()
  return pattern ? new RegExp(`^(?:${pattern})`, 'u') : NEVER
}
