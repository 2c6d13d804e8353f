import test from 'ava'
import fc from 'fast-check'
import { decodeExport, ExportError } from '../../../tools/replay/export-encoding.ts'
import { readExport } from '../../../tools/replay/export.ts'
import { times } from '../../helpers/long.ts'
import { exportChat } from './exporter.ts'
import type { Phone, Written } from './exporter.ts'
import { listLocales } from './locales.ts'

const LOCALES = listLocales()
const RUNS = times(3, 60)

const read = (...lines: readonly string[]) => {
  const { messages, system, skipped } = readExport(lines.join('\n'))
  return { said: messages.map(({ author, text }) => `${author}> ${text}`), system, skipped }
}

const phones = (locale: string): fc.Arbitrary<Phone> =>
  fc.record({
    system: fc.constantFrom('android', 'iPhone'),
    locale: fc.constant(locale),
    hour12: fc.constantFrom(true, false, undefined),
    date: fc.constantFrom('short', 'numeric', '2-digit'),
    dayPeriods: fc.boolean(),
  })
const names = fc.constantFrom(
  'Ana',
  'Ben',
  'Zoé',
  'Nikos Παππάς',
  'محمد',
  '李明',
  '+48 600 100 200',
  "O'Brien (work)",
  'Hugo 🚲',
  'A-B',
)
const words = fc.constantFrom(
  'ok',
  '12:30 - not a header',
  'a: b',
  '17/03',
  '[x]',
  ' - ',
  '"quoted"',
  '👨‍👩‍👧',
  'صباح',
  '<Media omitted>',
  '2024',
  '20:15:00',
)
const texts = fc.array(fc.array(words, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })
const chats = fc.array(
  fc.record({
    at: fc.date({ min: new Date(Date.UTC(2016, 0, 1)), max: new Date(Date.UTC(2031, 0, 1)), noInvalidDate: true }),
    author: names,
    text: texts.map((lines) => lines.map((line) => line.join(' ')).join('\n')),
  }),
  { minLength: 1, maxLength: 8 },
)

test(`what a phone in any of ${LOCALES.length} locales exports is read back, message by message`, (t) => {
  t.true(LOCALES.length > 250)
  for (const locale of LOCALES) {
    fc.assert(
      fc.property(phones(locale), chats, (phone, chat) => {
        const { messages, skipped } = readExport(exportChat(phone, chat))
        t.deepEqual(
          messages.map(({ author, text }) => ({ author, text })),
          chat.map(({ author, text }: Written) => ({ author, text: text.trimEnd() })),
        )
        t.is(skipped, 0)
      }),
      { numRuns: RUNS, seed: 15 },
    )
  }
})

test('the same chat is read the same in UTF-8 and UTF-16, with a byte order mark and without', (t) => {
  const text = '17/03/2024, 08:01 - Ewa: Cześć 🙂\r\n17/03/2024, 08:02 - 李明: 你好\r\n'
  const swapped = Buffer.from(`\u{feff}${text}`, 'utf16le').swap16()
  for (const bytes of [
    Buffer.from(text),
    Buffer.from(`\u{feff}${text}`),
    Buffer.from(text, 'utf16le'),
    Buffer.from(`\u{feff}${text}`, 'utf16le'),
    swapped,
    swapped.subarray(2),
  ]) {
    t.is(decodeExport(bytes), text)
  }
})

test('a file that is no text, a zip archive, and one without dates are refused with the reason', (t) => {
  const refused = (bytes: Uint8Array) => t.throws(() => readExport(decodeExport(bytes)), { instanceOf: ExportError })
  t.regex(refused(Buffer.from('PK\u{3}\u{4}…')).message, /zip archive/)
  t.regex(refused(Buffer.from([0x31, 0xe9, 0x20, 0xff])).message, /save it as UTF-8/)
  t.is(
    refused(Buffer.from('\n\n  Dear diary,\n')).message,
    'No line begins with a date and a time. Line 3 is:   Dear diary,',
  )
  t.is(refused(Buffer.from(' \n')).message, 'The file is empty.')
})

test('lines before the first header are counted, and so are messages without text', (t) => {
  const { said, skipped } = read(
    'WhatsApp chat',
    '17/03/2024, 08:01 - Ana: hi',
    '17/03/2024, 08:02 - Ben: ',
    '17/03/2024, 08:02 - Ben:',
  )
  t.deepEqual([said, skipped], [['Ana> hi'], 3])
})

test('a line that begins like the header of another format belongs to its message', (t) => {
  const { said } = read(
    '17/03/2024, 08:01 - Ana: look',
    '[17.03.24, 08:00:00] Ben: hi',
    '3/17/24, 8:00 AM - Ben: hi',
    '17/03/2024, 08:02 - Ben: ok',
  )
  t.deepEqual(said, ['Ana> look\n[17.03.24, 08:00:00] Ben: hi\n3/17/24, 8:00 AM - Ben: hi', 'Ben> ok'])
})

const COLONS = [
  'Ana created group "Trip: Lisbon ✈️"',
  'Ana changed the group name from "Trip: Lisbon" to "Trip: Porto"',
  'Ana changed the group description to: "Bring: sun cream"',
  'You changed the group description to: “Bring: sun cream”',
  'Ana hat die Gruppe „Reise: Lissabon“ erstellt',
  'Ana a changé le sujet « Voyage : Lisbonne » en « Voyage : Porto »',
  'Ana ha cambiado el asunto de "Viaje: Lisboa" a "Viaje: Oporto"',
  'Ana сменила тему с «Поездка: Лиссабон» на «Поездка: Порту»',
  'Anaさんがグループ名を「旅行: リスボン」に変更しました',
  'Ana changed the group name to "My "cool" trip: Rome"',
  'Ana changed the group description to: bring sun cream',
]
for (const notice of COLONS) {
  test(`a colon makes nobody of a notice: ${notice}`, (t) => {
    const at = '17/03/2024, 08:00 - '
    const { said, system } = read(`${at}Ana: hi`, `${at}${notice}`, `${at}Ben: hi`)
    t.deepEqual([said, system], [['Ana> hi', 'Ben> hi'], 1])
  })
}

for (const name of ['Ana Maria', 'Ana "the boss" Silva', 'ד"ר כהן', "O'Brien", 'Ana Work']) {
  test(`an unusual name is a person's: ${name}`, (t) => {
    const { said, system } = read(
      `1/2/24, 08:00 - Ana: hi`,
      `1/2/24, 08:00 - ${name}: "well"`,
      `1/2/24, 08:01 - ${name}: and: so on`,
    )
    t.deepEqual([said, system], [['Ana> hi', `${name}> "well"`, `${name}> and: so on`], 0])
  })
}

test('what an iPhone gives to the group, or tells of somebody, is a notice; what somebody sent is not', (t) => {
  const at = '[14.08.24, 21:00:10] '
  const { said, system } = read(
    `${at}Paddle Club: \u{200e}Messages and calls are end-to-end encrypted.`,
    `${at}Ana: \u{200e}Ana created group “Paddle: Club”`,
    `${at}Paddle Club: \u{200e}Ana added you`,
    `\u{200e}${at}Ben: \u{200e}<attached: 00000002-PHOTO.jpg>`,
    `${at}Ben: \u{200e}This message was deleted.`,
    `${at}Cem: \u{200e}image omitted`,
    `${at}Ana: hi`,
  )
  t.is(system, 3)
  t.deepEqual(said, [
    'Ben> \u{200e}<attached: 00000002-PHOTO.jpg>',
    'Ben> \u{200e}This message was deleted.',
    'Cem> \u{200e}image omitted',
    'Ana> hi',
  ])
})

test('in a chat of two on an iPhone the first notice does not take its person away', (t) => {
  const at = '[14.08.24, 21:00:10] '
  const { said, system } = read(
    `${at}Ben: \u{200e}Messages and calls are end-to-end encrypted.`,
    `${at}Ben: hi`,
    `${at}Ana: ho`,
  )
  t.deepEqual([said, system], [['Ben> hi', 'Ana> ho'], 1])
})

test('somebody without a name is read as everybody else', (t) => {
  const at = '[14.08.24, 21:00:10] '
  const { said } = read(`${at}Ben: hi`, `${at}~: \u{200e}image omitted`)
  t.deepEqual(said, ['Ben> hi', '~> \u{200e}image omitted'])
})
