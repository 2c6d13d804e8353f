import test from 'ava'
import * as fc from 'fast-check'
import { blockOf, countBlocks } from '../../../tools/chat/blocks.ts'

const texts = fc.string({
  unit: fc.constantFrom('a', 'word ', ' ', '\n', '\r\n', '👋🏽', '🇩🇪', 'e\u{301}', '日'),
  maxLength: 4_000,
})

function blocksOf(text: string): string[] {
  return Array.from({ length: countBlocks(text) }, (_, index) => blockOf(text, index))
}

test('the blocks of a text are all of it, but for the line ends between them', (t) => {
  const property = fc.property(texts, (text) => {
    const blocks = blocksOf(text)
    t.is(blocks.join('').replaceAll(/\s/g, ''), text.replaceAll(/\s/g, ''))
    t.true(blocks.every((block) => block.length <= 1_280))
    if (text !== '') t.true(blocks.slice(1).every((block, index) => block !== '' || blocks[index] !== undefined))
  })
  fc.assert(property)
})

test('a block ends with a line, else with a word, else with a character', (t) => {
  const lines = blocksOf(`${'x'.repeat(99)}\n`.repeat(100))
  t.true(lines.slice(0, -1).every((block) => block.endsWith('x') && block.length % 100 === 99))
  const words = blocksOf('some words '.repeat(1_000))
  t.true(words.slice(0, -1).every((block) => block.endsWith(' ')))
  for (const character of ['👋🏽', '🇩🇪', '👨‍👩‍👧‍👦', 'e\u{301}', '\r\n']) {
    const text = character.repeat(2_000)
    const whole = [...new Intl.Segmenter().segment(text)].length
    const apart = blocksOf(text).reduce((sum, block) => sum + [...new Intl.Segmenter().segment(block)].length, 0)
    t.true(apart <= whole, `${character}: ${apart} of ${whole}`)
  }
})

test('what has no end is cut all the same, between code points', (t) => {
  for (const text of [`a${'\u{301}'.repeat(5_000)}`, `a${'😀\u{200d}'.repeat(5_000)}`]) {
    const blocks = blocksOf(text)
    t.is(blocks.join(''), text)
    t.true(blocks.every((block) => block.isWellFormed()))
  }
})
