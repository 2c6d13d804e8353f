import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import * as fc from 'fast-check'
import { work } from '../../../tools/chat/cells.ts'
import { renderInput } from '../../../tools/chat/input-row.ts'
import { LineEditor } from '../../../tools/chat/line-editor.ts'
import { width } from '../../../tools/chat/cells.ts'

const FAMILY = '👨‍👩‍👧‍👦'
const enter = { name: 'return' }

function editorWith(text: string): LineEditor {
  const editor = new LineEditor()
  editor.add(text, 'typed')
  return editor
}

/** The text with "|" where the cursor is. */
function show({ draft: { text, cursor } }: LineEditor): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`
}

test('the cursor goes over whole characters, and whole characters are deleted', (t) => {
  for (const character of ['a', 'é', 'e\u{301}', '日', '👋🏽', FAMILY, '🇩🇪', '❤️', 'नि']) {
    const editor = editorWith(`x${character}${character}y`)
    editor.press({ name: 'left' })
    editor.press({ name: 'left' })
    t.is(show(editor), `x${character}|${character}y`)
    editor.press({ name: 'backspace' })
    t.is(show(editor), `x|${character}y`)
    editor.press({ name: 'right' })
    t.is(show(editor), `x${character}|y`)
    editor.press({ name: 'left' })
    editor.press({ name: 'delete' })
    t.is(show(editor), 'x|y')
  }
})

test('flags in a row stay flags', (t) => {
  const editor = editorWith('🇩🇪🇫🇷🇮🇹')
  editor.press({ name: 'backspace' })
  t.is(show(editor), '🇩🇪🇫🇷|')
  editor.press({ name: 'left' })
  t.is(show(editor), '🇩🇪|🇫🇷')
})

test('words are gone over and cut, and what was cut is put in again', (t) => {
  const editor = editorWith('one two  three')
  editor.press({ name: 'left', ctrl: true })
  t.is(show(editor), 'one two  |three')
  editor.press({ name: 'b', meta: true })
  t.is(show(editor), 'one |two  three')
  editor.press({ name: 'f', meta: true })
  t.is(show(editor), 'one two|  three')
  editor.press({ name: 'w', ctrl: true })
  t.is(show(editor), 'one |  three')
  editor.press({ name: 'e', ctrl: true })
  editor.press({ name: 'y', ctrl: true })
  t.is(show(editor), 'one   threetwo|')
  editor.press({ name: 'a', ctrl: true })
  editor.press({ name: 'd', meta: true })
  t.is(show(editor), '|   threetwo')
  editor.press({ name: 'k', ctrl: true })
  t.is(show(editor), '|')
})

test('Enter gives the text and begins anew; what was entered comes back with Up', (t) => {
  const editor = editorWith('first')
  t.deepEqual(editor.press(enter), { type: 'enter', entered: { text: 'first', isTyped: true } })
  editor.add('second', 'typed')
  editor.press(enter)
  editor.add('unfinished', 'typed')
  editor.press({ name: 'up' })
  editor.press({ name: 'up' })
  editor.press({ name: 'up' })
  t.is(show(editor), 'first|')
  editor.press({ name: 'down' })
  editor.press({ name: 'n', ctrl: true })
  t.is(show(editor), 'unfinished|')
})

test('Alt-Enter and Ctrl-J begin a line in the text', (t) => {
  const editor = editorWith('one')
  editor.press({ name: 'return', meta: true })
  editor.add('two', 'typed')
  editor.press({ name: 'enter' })
  editor.add('/quit', 'typed')
  t.deepEqual(editor.press(enter), { type: 'enter', entered: { text: 'one\ntwo\n/quit', isTyped: true } })
})

test('what is pasted is one text, and its beginning is no command even if it is edited or comes back with Up', (t) => {
  const editor = new LineEditor()
  editor.add('/offline\r\n/quit\r', 'pasted')
  t.is(editor.draft.text, '/offline\n/quit\n')
  editor.press({ name: 'home' })
  editor.press({ name: 'right' })
  editor.add('x', 'typed')
  editor.press({ name: 'backspace' })
  t.like(editor.press(enter), { entered: { text: '/offline\n/quit\n', isTyped: false } })
  editor.press({ name: 'up' })
  t.like(editor.press(enter), { entered: { isTyped: false } })
  editor.add('  ', 'typed')
  editor.add('/quit', 'pasted')
  t.like(editor.press(enter), { entered: { isTyped: false } })
  editor.add('/quit', 'pasted')
  editor.press({ name: 'u', ctrl: true })
  editor.press({ name: 'y', ctrl: true })
  t.like(editor.press(enter), { entered: { isTyped: false } })
})

test('a command that was begun with keys stays one, whatever is pasted into it', (t) => {
  const editor = editorWith('/link ')
  editor.add('AVAx_y-z', 'pasted')
  t.like(editor.press(enter), { entered: { text: '/link AVAx_y-z', isTyped: true } })
  editor.add('x', 'pasted')
  editor.add('/help', 'typed')
  editor.press({ name: 'home' })
  editor.press({ name: 'delete' })
  t.like(editor.press(enter), { entered: { text: '/help', isTyped: true } })
})

test('nothing that steers a terminal gets into the text', (t) => {
  const editor = new LineEditor()
  editor.add('a\u{1b}[2Jb\u{7}\tc\u{9b}', 'pasted')
  t.is(editor.draft.text, 'a[2Jb\tc')
})

test('a huge paste is cut with a word about it, and costs a frame no more than a short one', (t) => {
  const editor = new LineEditor()
  t.is(editor.add('x👋🏽'.repeat(14_000), 'pasted').type, 'none')
  const { text, cursor } = editor.draft
  t.is(text.length, 70_000)
  const before = work.characters
  renderInput(text, cursor, 80)
  t.true(work.characters - before < 10_000)
  t.is(editor.add('y'.repeat(1_000_000), 'pasted').type, 'full')
  t.true(editor.draft.text.length <= 200_000)
})

test('the input row is whole characters around the cursor, as wide as there is room', (t) => {
  const property = fc.property(
    fc.array(fc.constantFrom('a', ' ', '日', '👋🏽', FAMILY, '🇩🇪', 'e\u{301}', '\n'), { maxLength: 120 }),
    fc.nat(),
    fc.integer({ min: 20, max: 100 }),
    (characters, place, columns) => {
      const at = place % (characters.length + 1)
      const text = characters.join('')
      const cursor = characters.slice(0, at).join('').length
      const { before, after } = renderInput(text, cursor, columns)
      t.true(width(before) + width(after) < columns)
      const shown = before.slice(2).replaceAll('↵', '\n')
      t.true(characters.slice(0, at).join('').endsWith(shown))
      const pieces = [...new Intl.Segmenter().segment(shown)].map(({ segment }) => segment)
      t.deepEqual(pieces, characters.slice(at - pieces.length, at))
      if (at < characters.length) t.true(after !== '')
    },
  )
  fc.assert(property)
})

test('what lies after the cursor is in sight', (t) => {
  const { before, after } = renderInput('x'.repeat(500), 250, 80)
  t.is(before.length + after.length, 79)
  t.is(after.length, 19)
  t.is(stripVTControlCharacters(before), before)
})
