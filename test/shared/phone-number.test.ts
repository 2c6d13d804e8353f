import { getCountries, getExampleNumber } from 'libphonenumber-js/min'
import examples from 'libphonenumber-js/mobile/examples'
import test from 'ava'
import { parseUserId } from '../../src/shared/ids.ts'
import { canonicalUser, nobodyIs, readPhone } from '../../src/shared/phone-number.ts'

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

test('phone numbers are read as people write them', (t) => {
  t.is(readPhone('+15550000001'), 15550000001)
  t.is(readPhone('0049 89 1234567'), 49891234567)
  t.is(readPhone('15550000001'), 15550000001)
  for (const british of [
    '+447911123456',
    '+4407911123456',
    '+44 (0)7911 123456',
    '(+44) 7911 123456',
    '00 44 (0) 7911-123-456',
    'tel:+44-7911-123456;ext=5',
    '\u{2068}+44 7911 123456\u{2069}',
    '\u{202a}+44\u{a0}7911\u{2011}123456\u{202c}',
    '＋４４　７９１１　１２３４５６',
    '+۴۴ ۷۹۱۱ ۱۲۳۴۵۶',
    '٠٠٤٤٧٩١١١٢٣٤٥٦',
    '+44.7911.123.456',
    'tel:0044-7911-123456;ext=5',
  ])
    t.is(readPhone(british), 447911123456, british)
  t.is(readPhone('+54 11 15 2345 6789'), 5491123456789)
  t.is(readPhone('+33 06 12 34 56 78'), 33612345678)
  for (const wrong of [
    '',
    '+',
    'abc',
    '0555',
    '12345',
    '1'.repeat(16),
    '+447911123456'.padEnd(101),
    '+1555x',
    'call +447911123456',
  ])
    t.is(readPhone(wrong), undefined, wrong)
})
