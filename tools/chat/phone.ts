import { parseDigits, parsePhoneNumberFromString } from 'libphonenumber-js/min'

/**
 * A user from how people write and copy phone numbers: "+1 (555) 000-0001", "15550000001", "0044 7911 123456",
 * "tel:+44-7911-123456", "+44 (0)7911 123456", with the digits of any script and whatever marks came along. Undefined when
 * it is none, or lacks the country code.
 */
export function parsePhone(text: string): number | undefined {
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

/** Whether a text is meant as a number, be it one or not: it cannot be a name. '' does. */
export function looksLikeNumber(text: string): boolean {
  return /^[\p{Nd}\s+()./-]*$/u.test(text)
}

export function formatPhone(user: number): string {
  return `+${user}`
}
