import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import * as fc from 'fast-check'
import type { IncomingMessage, OutgoingMessage, Status } from '../../../client/index.ts'
import { width } from '../../../tools/chat/cells.ts'
import { emptyModel, withMessage } from '../../../tools/chat/model.ts'
import type { Model } from '../../../tools/chat/model.ts'
import { renderScreen } from '../../../tools/chat/screen.ts'
import { scrollBy } from '../../../tools/chat/view.ts'

const ME = 15550000001
const PEER = 15550000002
const NOW = new Date(2024, 2, 17, 12, 0).getTime()
const MONOTONIC = 12_345
const SIZE = { columns: 80, rows: 24 }

function incoming(order: number, text: string): IncomingMessage {
  const body = { type: 'text', text } as const
  const base = { id: `i${order}`, chat: PEER, body, order, sentAt: NOW }
  return { ...base, direction: 'in', device: 1, read: false, hosted: false }
}

function outgoing(order: number, text: string, status: Status = 'accepted'): OutgoingMessage {
  const body = { type: 'text', text } as const
  return { direction: 'out', id: `o${order}`, chat: PEER, body, order, sentAt: NOW, status, deliveredTo: [] }
}

function model(change: Partial<Model>): Model {
  return { ...emptyModel(ME, 'parley.example'), connection: { phase: 'online', pending: 0 }, ...change }
}

function render(change: Partial<Model>, size = SIZE): string[] {
  return renderScreen(model(change), size, NOW, MONOTONIC).lines.map(stripVTControlCharacters)
}

test('a chat shows the newest messages with their ticks above the input', (t) => {
  const messages = [incoming(1, 'Hello'), outgoing(2, 'Hi!', 'delivered')]
  const lines = render({ peer: PEER, messages, input: 'next', cursor: 4 })
  t.is(lines.length, 23)
  t.regex(lines[0] ?? '', /^ \+15550000002 +● connected $/)
  t.regex(lines[19] ?? '', /^ Hello {2}12:00$/)
  t.regex(lines[20] ?? '', /^ +Hi! {2}12:00 ✓✓$/)
})

test('the input line shows what is around the cursor', (t) => {
  const input = (text: string, cursor: number) =>
    renderScreen(model({ input: text, cursor }), SIZE, NOW, MONOTONIC).input
  t.deepEqual(input('next', 2), { before: '> ne', after: 'xt' })
  t.deepEqual(input('x'.repeat(200), 200), { before: `> ${'x'.repeat(77)}`, after: '' })
})

test('ticks change in place', (t) => {
  const before = [outgoing(1, 'one', 'waiting'), outgoing(2, 'two', 'waiting')]
  const after = withMessage(before, outgoing(1, 'one', 'read'))
  const [first, second] = [before, after].map((messages) => render({ peer: PEER, messages }))
  const changed = first?.filter((line, row) => line !== second?.[row]) ?? []
  t.is(changed.length, 1)
  t.regex(changed[0] ?? '', /one {2}12:00 …/)
})

test('the header says whether the other one is there, typing, or when it was', (t) => {
  const title = (change: Partial<Model>): string => render({ peer: PEER, ...change })[0] ?? ''
  t.regex(title({ presence: { online: true, lastSeen: 0 } }), /\+15550000002 {2}online/)
  t.regex(title({ presence: { online: true, lastSeen: 0 }, peerTypes: true }), /typing…/)
  t.regex(title({ presence: { online: false, lastSeen: NOW - 60_000 } }), /last seen today at 11:59/)
  t.regex(title({ presence: { online: false, lastSeen: NOW - 86_400_000 } }), /last seen yesterday at 12:00/)
  const offline = { phase: 'offline', retryAt: MONOTONIC + 2_500, code: 1006, reason: '' } as const
  t.regex(title({ connection: offline }), /offline, reconnecting in 3 s/)
})

test('why the client stays offline, and what to do, stands above the input', (t) => {
  const lines = render({
    connection: { phase: 'stopped', cause: 'replaced', remedy: 'connect', code: 4503, reason: '' },
  })
  t.regex(lines[22] ?? '', /opened somewhere else.*\/online/)
})

test('the list of chats shows how many are unread and the last message', (t) => {
  const chats = [{ user: PEER, unread: 2, lastAt: NOW, last: incoming(1, 'a\nb') }]
  const lines = render({ chats })
  t.regex(lines[1] ?? '', /^ {2}1 {2}\+15550000002 +12:00 $/)
  t.regex(lines[2] ?? '', /\(2 unread\) a b/)
})

test('control characters of others never reach the terminal', (t) => {
  const evil = '\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}abc\r\nnext\u{0}'
  const { lines } = renderScreen(
    model({ peer: PEER, messages: [incoming(1, evil)], notice: evil }),
    SIZE,
    NOW,
    MONOTONIC,
  )
  for (const line of lines.map(stripVTControlCharacters)) t.notRegex(line, /[\p{Cc}\u{202e}]/u)
  t.true(lines.join('').includes('[2J]0;title31mabc'))
})

test('scrolling stops at the oldest line', (t) => {
  const messages = Array.from({ length: 50 }, (_, index) => incoming(index + 1, `m${index + 1}`))
  const shown = model({ peer: PEER, messages })
  const { change, isOldest } = scrollBy(shown, 9_999, SIZE, NOW)
  t.true(isOldest)
  const lines = render({ ...shown, ...change })
  t.regex(lines[2] ?? '', /Today/)
  t.regex(lines[3] ?? '', /^ m1 /)
  t.regex(lines[21] ?? '', /↓ 32 newer messages, PgDn/)
})

test('whatever is shown fits the terminal', (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 })
  const property = fc.property(
    fc.array(text, { maxLength: 8 }),
    text,
    fc.integer({ min: 20, max: 120 }),
    fc.integer({ min: 5, max: 40 }),
    (texts, input, columns, rows) => {
      const messages = texts.map((one, index) =>
        index % 2 === 0 ? incoming(index, one) : outgoing(index, one, 'read'),
      )
      const keys = { hosted: true, verified: true, changed: true, changedAfter: 1, forked: true }
      const shown = { peer: PEER, messages, keys, input, cursor: input.length, notice: input }
      const { lines, input: line } = renderScreen(model(shown), { columns, rows }, NOW, MONOTONIC)
      t.is(lines.length, rows - 1)
      for (const one of [...lines, line.before + line.after])
        t.true(width(one) <= columns, JSON.stringify([one, columns]))
    },
  )
  fc.assert(property, { numRuns: 200 })
})

test('what is known of the keys stands in the header, at the beginning and, where nothing is sent, at the end', (t) => {
  const messages = [incoming(1, 'Hello')]
  const keys = { hosted: false, verified: false, changed: false, changedAfter: undefined, forked: false }
  const chat = (change: Partial<typeof keys>): string[] =>
    render({ peer: PEER, messages, keys: { ...keys, ...change } })
  t.regex(chat({})[0] ?? '', /^ \+15550000002 +● connected/)
  t.regex(chat({ verified: true, hosted: true })[0] ?? '', /^ \+15550000002 \[hosted\] \[verified\] +● connected/)
  const hosted = chat({ hosted: true }).findIndex((line) =>
    line.includes('Messages with +15550000002 can be read by the operator of parley.example.'),
  )
  t.true(hosted > 0 && hosted < chat({ hosted: true }).findIndex((line) => line.startsWith(' Hello')))
  for (const blocked of [chat({ forked: true }), chat({ changed: true })]) {
    t.regex(blocked[0] ?? '', /\[new keys\]/)
    t.regex(blocked.slice(-4, -2).join(' '), /Nothing is sent to \+15550000002 .*\/safety accept/)
  }
})

test('new keys are a line where they came in between the messages, and a fork is one at the end', (t) => {
  const keys = { hosted: false, verified: false, changed: false, forked: true }
  const messages = [incoming(1, 'one'), incoming(2, 'two')]
  const noted = ['has new keys', 'Two different lists']
  for (const [changedAfter, texts] of [
    [0, [noted[0], 'one', 'two', noted[1]]],
    [1, ['one', noted[0], 'two', noted[1]]],
    [5, ['one', 'two', ...noted]],
  ] as const) {
    const lines = render({ peer: PEER, messages, keys: { ...keys, changedAfter } })
    const places = texts.map((text) => lines.findIndex((line) => line.includes(text ?? '')))
    t.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
    t.true(places.every((place) => place > 0))
  }
  const empty = render({ peer: PEER, keys: { ...keys, changedAfter: 1 } })
  for (const text of noted) t.true(empty.some((line) => line.includes(text)))
})

test('a QR code stands beside the text, below it, or not at all where it would be broken', (t) => {
  const page = { lines: ['some words of text', 'and more'], code: ['█'.repeat(40), '▀'.repeat(40)] }
  const first = (columns: number): string[] => render({ page }, { columns, rows: 24 }).slice(1, 6)
  t.is(first(80)[0], `${'█'.repeat(40)}  some words of text`)
  t.deepEqual(first(50).slice(0, 4), ['some words of text', 'and more', '', '█'.repeat(40)])
  t.regex(first(30).join(' '), /A wider terminal/)
})
