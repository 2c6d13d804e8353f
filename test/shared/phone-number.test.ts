import { getCountries, getExampleNumber } from 'libphonenumber-js/min'
import examples from 'libphonenumber-js/mobile/examples'
import test from 'ava'
import { parseUserId } from '../../src/shared/ids.ts'
import { canonicalUser, nobodyIs } from '../../src/shared/phone-number.ts'

const user = (digits: string): number => parseUserId(digits)!

for (const [written, canonical] of [
  ['+4407911123456', '+447911123456'],
  ['+54111523456789', '+5491123456789'],
  ['+330612345678', '+33612345678'],
  ['+4901711234567', '+491711234567'],
  ['+610412345678', '+61412345678'],
  ['+789123456789', '+79123456789'],
  ['+3606201234567', '+36201234567'],
  ['+62081234567890', '+6281234567890'],
] as const) {
  test(`${written} is written ${canonical}`, (t) => {
    t.is(canonicalUser(user(written)), user(canonical))
    t.is(canonicalUser(user(canonical)), user(canonical))
    t.true(nobodyIs(user(written)).endsWith(`${canonical}, not ${written}`))
  })
}

test('the mobile number of every country is written as it is, also where it begins with 0', (t) => {
  for (const country of getCountries()) {
    const number = getExampleNumber(country, examples)!.number
    t.is(canonicalUser(user(number)), user(number), country)
  }
  t.is(canonicalUser(user('+390612345678')), user('+390612345678'))
})

test('a mobile number with the prefix of calls within its country is no other number', (t) => {
  let tried = 0
  for (const country of getCountries()) {
    const number = getExampleNumber(country, examples)!
    const national = number.formatNational().replaceAll(/\D/g, '')
    const doubled = `+${number.countryCallingCode}${national}`
    if (doubled === number.number || doubled.length > 16) continue
    tried++
    t.is(canonicalUser(user(doubled)), user(number.number), `${country} ${doubled}`)
  }
  t.true(tried > 100)
})

test('numbers of examples, and of countries that nobody has, are left as they are', (t) => {
  for (const digits of ['15550000001', '99912345678', '1', '999999999999999'])
    t.is(canonicalUser(user(digits)), user(digits))
})
