import test from 'ava'
import * as fc from 'fast-check'
import { oneLine, printable, spread, truncate, width, wrap } from '../../../tools/chat/text.ts'

test('text is broken between words, and within those that are too long', (t) => {
  t.deepEqual(wrap('one two three', 8), ['one two', 'three'])
  t.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij'])
  t.deepEqual(wrap('a\n\nb', 8), ['a', '', 'b'])
  t.deepEqual(wrap('  two spaces', 8), ['  two', 'spaces'])
  t.deepEqual(wrap('', 8), [''])
})

test('wrapping keeps every character but the spaces at the breaks, and the width', (t) => {
  const property = fc.property(
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.integer({ min: 8, max: 40 }),
    (text, room) => {
      const lines = wrap(text, room)
      t.is(lines.join('').replaceAll(/\s/gu, ''), text.replaceAll(/\s/gu, ''))
      for (const line of lines) t.true(width(line) <= room || [...new Intl.Segmenter().segment(line)].length === 1)
    },
  )
  fc.assert(property)
})

test('an emoji of several code points counts as wide as the terminal that draws all of them needs', (t) => {
  t.is(width('ok'), 2)
  t.is(width('日本'), 4)
  t.is(width('👋'), 2)
  t.is(width('👋🏽'), 4)
  t.is(width('\u{1b}[31mred\u{1b}[0m'), 3)
})

test('what is cut ends with an ellipsis and never within a character', (t) => {
  t.is(truncate('abcdef', 4), 'abc…')
  t.is(truncate('abcd', 4), 'abcd')
  t.is(truncate('👋🏽👋🏽', 5), '👋🏽…')
  t.is(truncate('abc', 0), '')
  t.is(spread('left side', 'right', 12), 'left … right')
  t.is(oneLine('a\n  b\tc', 80), 'a b c')
})

test('nothing that steers a terminal is printable', (t) => {
  t.is(printable('a\u{1b}[2Jb\u{9b}c\u{7}\u{7f}\u{202e}d\ne\tf'), 'a[2Jbcd\ne    f')
})
