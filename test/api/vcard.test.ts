import test from 'ava'
import * as fc from 'fast-check'
import { readVcard } from '../../src/api/vcard.ts'

const card = (...lines: string[]) => ['BEGIN:VCARD', ...lines, 'END:VCARD', ''].join('\r\n')

test('name and number are read from cards of every version', (t) => {
  const cases: readonly [string, { name: string; phone: string }][] = [
    [
      card('VERSION:4.0', 'FN:Jane Doe', 'TEL;VALUE=uri;TYPE="voice,home":tel:+1-555-000-0001;ext=5'),
      { name: 'Jane Doe', phone: '+1-555-000-0001' },
    ],
    [
      card('VERSION:3.0', 'N:Doe;Jane;;;', 'FN:Jane Doe', 'TEL;TYPE=CELL:+1 555'),
      { name: 'Jane Doe', phone: '+1 555' },
    ],
    [
      card('VERSION:2.1', 'N:Doe;Jane;Q.;Dr.;Jr.', 'TEL;CELL:1', 'TEL;WORK:2'),
      { name: 'Dr. Jane Q. Doe Jr.', phone: '1' },
    ],
    [
      card('VERSION:3.0', 'item1.TEL;waid=15550000001:+15550000001', 'FN:A\\, B\\; C\\nD\\\\'),
      { name: 'A, B; C D\\', phone: '+15550000001' },
    ],
    [card('version:3.0', 'fn:Long', ' er name', '\tstill', 'tel:5'), { name: 'Longer namestill', phone: '5' }],
    [card('VERSION:4.0', 'NOTE:nobody'), { name: '', phone: '' }],
  ]
  for (const [text, summary] of cases) {
    t.deepEqual(readVcard(text), summary)
    t.deepEqual(readVcard(text.replaceAll('\r\n', '\n')), summary)
  }
})

test('what is no whole card is none', (t) => {
  for (const text of [
    '',
    'FN:Jane',
    'BEGIN:VCARD\r\nFN:Jane',
    'FN:x\r\nEND:VCARD',
    'END:VCARD\r\nBEGIN:VCARD',
    'x\r\nBEGIN:VCARD\r\nEND:VCARD',
  ]) {
    t.is(readVcard(text), undefined)
  }
})

test('any text is answered', (t) => {
  const line = fc.oneof(fc.string(), fc.constantFrom('FN:', 'TEL;"', 'N:;;', 'BEGIN:VCARD', 'END:VCARD', ' x', ';:";:'))
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const summary = readVcard(lines.join('\n'))
      const framed = readVcard(card(...lines))
      return summary === undefined || typeof summary.name === 'string' || framed !== undefined
    }),
  )
  t.pass()
})
