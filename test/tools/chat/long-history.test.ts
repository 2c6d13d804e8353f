import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import * as fc from 'fast-check'
import type { IncomingMessage, Message } from '../../../client/index.ts'
import { work } from '../../../tools/chat/cells.ts'
import { ChatLines } from '../../../tools/chat/chat-lines.ts'
import { emptyModel, withMessage } from '../../../tools/chat/model.ts'
import type { Model } from '../../../tools/chat/model.ts'
import { renderScreen } from '../../../tools/chat/screen.ts'
import { scrollBy } from '../../../tools/chat/view.ts'

const PEER = 15550000002
const NOW = new Date(2024, 2, 17, 12, 0).getTime()
const MONOTONIC = 12_345
const SIZE = { columns: 80, rows: 24 }
/** Twenty rows of sixty columns, some characters of several code units, and what is left of the blocks. */
const MOST_CHARACTERS = 60_000

function incoming(order: number, text: string): IncomingMessage {
  const body = { type: 'text', text } as const
  const base = { id: `i${order}`, chat: PEER, body, order, sentAt: NOW }
  return { ...base, direction: 'in', device: 1, read: false, hosted: false }
}

function chatOf(messages: readonly Message[]): Model {
  const connection = { phase: 'online', pending: 0 } as const
  return { ...emptyModel(15550000001, 'parley.example'), connection, peer: PEER, messages }
}

/** How many characters something looks at. */
function charactersOf(run: () => unknown): number {
  const before = work.characters
  run()
  return work.characters - before
}

const texts: Readonly<Record<string, string>> = {
  words: 'some words of a text ',
  'one word': 'x',
  emoji: '👨‍👩‍👧‍👦👋🏽',
  'lines without text': '\n',
  'what nobody sees': '\u{200b}\u{202e}\u{1}',
  'piled marks': 'a\u{301}\u{302}\u{303}\u{301}\u{302}\u{303}\u{301}\u{302}\u{303}',
  'one endless emoji': '😀\u{200d}',
  Japanese: '日本語',
}

for (const [name, unit] of Object.entries(texts)) {
  test(`a frame costs the same however many and however long the messages are: ${name}`, (t) => {
    const costs = [65_536, 1_048_576].flatMap((length) =>
      [300, 50_000].map((count) => {
        const text = unit.repeat(Math.ceil(length / unit.length))
        const model = chatOf(Array.from({ length: count }, (_, index) => incoming(index + 1, text)))
        const first = charactersOf(() => renderScreen(model, SIZE, NOW, MONOTONIC))
        const next = charactersOf(() => renderScreen({ ...model, input: 'x', cursor: 1 }, SIZE, NOW, MONOTONIC))
        t.true(next < 1_000, `${next} characters for the next frame`)
        return first
      }),
    )
    t.true(Math.max(...costs) < MOST_CHARACTERS, costs.join(', '))
    t.true(Math.min(...costs) > 100, costs.join(', '))
    t.true(Math.max(...costs) < 1.2 * Math.min(...costs), costs.join(', '))
  })
}

test('only messages in sight are looked at, at the end and wherever the chat is scrolled to', (t) => {
  const all = Array.from({ length: 50_000 }, (_, index) => incoming(index + 1, `m${index + 1}`))
  let looks = 0
  const messages = new Proxy(all, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks += 1
      return Reflect.get(target, key, receiver) as unknown
    },
  })
  const places = [undefined, { order: 25_000, block: 0, line: 0 }, { order: 30, block: 0, line: 0 }]
  for (const bottom of places) {
    looks = 0
    const model = { ...chatOf(messages), bottom }
    renderScreen(model, SIZE, NOW, MONOTONIC)
    scrollBy(model, 18, SIZE, NOW)
    t.true(looks < 2_000, `${looks} looks at ${JSON.stringify(bottom)}`)
  }
  looks = 0
  withMessage(messages, { ...incoming(40_000, 'changed'), read: true })
  // The array is copied, and the place is found by halves.
  t.true(looks <= 50_000 + 20, `${looks} looks`)
})

test('the list of chats shows long last messages at the cost of short ones', (t) => {
  const costOf = (length: number): number => {
    const last = incoming(1, 'long '.repeat(length))
    const chats = Array.from({ length: 200 }, (_, index) => ({ user: PEER + index, unread: 1, lastAt: NOW, last }))
    return charactersOf(() =>
      renderScreen({ ...chatOf([]), peer: undefined, chats, notice: last.body.type }, SIZE, NOW, MONOTONIC),
    )
  }
  t.is(costOf(200_000), costOf(2_000))
})

test('a long notice and a long input cost what is shown of them', (t) => {
  const costOf = (length: number): number => {
    const text = 'x👋🏽'.repeat(length)
    const model = { ...chatOf([]), notice: text, input: text, cursor: text.length >> 1 }
    return charactersOf(() => renderScreen(model, SIZE, NOW, MONOTONIC))
  }
  t.is(costOf(200_000), costOf(20_000))
})

test('a text is shown as it is, and scrolling goes over all of its lines, once each', (t) => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', ' ', '\n', 'é', '👋🏽', '日'), maxLength: 6_000 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
  )
  const property = fc.property(
    fc.array(text, { minLength: 1, maxLength: 6 }),
    fc.array(fc.integer({ min: -25, max: 25 }), { maxLength: 30 }),
    fc.integer({ min: 20, max: 100 }),
    (texts, steps, columns) => {
      const size = { columns, rows: 24 }
      let model = chatOf(texts.map((one, index) => incoming(index * 2, one)))
      const chat = new ChatLines(model, columns, NOW)
      const all = chat.upTo(chat.last, Infinity)
      let bottom = all.length
      for (const step of steps) {
        model = { ...model, ...scrollBy(model, step, size, NOW).change }
        bottom = Math.max(Math.min(20, all.length), Math.min(all.length, bottom - step))
        const shown = renderScreen(model, size, NOW, MONOTONIC).lines.slice(1, -2)
        const expected = all.slice(Math.max(0, bottom - 20), bottom)
        t.deepEqual(shown.slice(20 - expected.length), expected)
      }
    },
  )
  fc.assert(property, { numRuns: 60 })
})

test('a chat that is scrolled up stays where it is when messages come before and behind it', (t) => {
  const messages = Array.from({ length: 100 }, (_, index) => incoming(index + 101, `m${index + 101}`))
  const model = chatOf(messages)
  const scrolled = { ...model, ...scrollBy(model, 50, SIZE, NOW).change }
  const bodyOf = (shown: Model): string[] =>
    renderScreen(shown, SIZE, NOW, MONOTONIC).lines.slice(1, -2).map(stripVTControlCharacters)
  const older = Array.from({ length: 50 }, (_, index) => incoming(index + 1, `m${index + 1}`))
  const more = [...older, ...withMessage(messages, incoming(300, 'new'))]
  t.deepEqual(bodyOf({ ...scrolled, messages: more }), bodyOf(scrolled))
  t.regex(renderScreen({ ...scrolled, messages: more }, SIZE, NOW, MONOTONIC).lines.at(-2) ?? '', /51 newer messages/)
})
