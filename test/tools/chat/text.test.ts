import test from 'ava'
import * as fc from 'fast-check'
import { width } from '../../../tools/chat/cells.ts'
import { printable } from '../../../tools/chat/printable.ts'
import { oneLine, spread, truncate, wrap } from '../../../tools/chat/text.ts'

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

test('what is cut looks no further than it must, and says that something is missing', (t) => {
  t.is(oneLine('x'.repeat(65_536), 10), `${'x'.repeat(9)}…`)
  t.is(oneLine(`${'\u{200b}'.repeat(65_536)}x`, 10), '…')
  t.is(truncate('👋🏽'.repeat(20_000), 10), '👋🏽👋🏽…')
  t.false(oneLine(`a${'👋'.repeat(1_000)}`, 2_000).includes('\u{fffd}'))
})

test('nothing that steers a terminal is printable', (t) => {
  t.is(printable('a\u{1b}[2Jb\u{9b}c\u{7}\u{7f}\u{202e}d\ne\tf'), 'a[2Jbcd\ne    f')
  t.is(printable('a\r\nb\rc\u{2028}d\u{2029}e'), 'a\nb\nc\nd\ne')
  t.is(printable('a\u{d800}b'), 'a\u{fffd}b')
})

test('nothing that turns a line around or hides in it is printable', (t) => {
  const marks = [0x61c, 0x200e, 0x200f, 0xad, 0x34f, 0x200b, 0x2060, 0xfeff, 0x115f, 0x3164, 0xffa0, 0xfff9, 0xfffb]
  for (const [from, to] of [
    [0x202a, 0x202e],
    [0x2066, 0x206f],
    [0xe0000, 0xe007f],
    [0xe0100, 0xe01ef],
  ] as const)
    for (let mark = from; mark <= to; mark++) marks.push(mark)
  for (const mark of marks) t.is(printable(`a${String.fromCodePoint(mark)}b`), 'ab', mark.toString(16))
})

test('emoji of several parts, Hebrew, Arabic and Persian stay as they are', (t) => {
  for (const text of ['👨‍👩‍👧‍👦', '❤️', '👋🏽', '🇩🇪', 'שָׁלוֹם', 'مرحبا', 'می‌خواهم', 'नमस्ते', 'é']) t.is(printable(text), text)
})

test('marks piled on one character do not reach the lines around it', (t) => {
  t.is(printable(`a${'\u{301}'.repeat(5_000)}b`), `a${'\u{301}'.repeat(6)}b`)
  t.true(printable(`a${'\u{200d}'.repeat(5_000)}b`).length < 10)
})

test('an endless character is broken over lines, too', (t) => {
  const endless = Array.from({ length: 500 }, () => '😀').join('\u{200d}')
  for (const line of wrap(endless, 20)) t.true(width(line) <= 20)
})
