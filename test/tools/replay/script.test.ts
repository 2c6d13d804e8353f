import test from 'ava'
import { sampleExport } from '../../../tools/replay/sample.ts'
import { checkPlayable, readScript, ScriptError } from '../../../tools/replay/script.ts'

test('an Android export is read with its emoji and its lines', (t) => {
  const script = readScript(
    [
      '17/03/2024, 08:00 - Messages and calls are end-to-end encrypted.',
      '17/03/2024, 08:01 - Amina: Good morning ☀️',
      'second line: with a colon',
      '17/03/2024, 08:02 - Bruno 🚲: <Media omitted>',
      '17/03/2024, 08:03 - Amina: 👨‍👩‍👧‍👦',
    ].join('\n'),
  )
  t.deepEqual(script.authors, ['Amina', 'Bruno 🚲'])
  t.deepEqual(script.lines, [
    { author: 0, text: 'Good morning ☀️\nsecond line: with a colon' },
    { author: 1, text: '<Media omitted>' },
    { author: 0, text: '👨‍👩‍👧‍👦' },
  ])
  t.is(script.system, 1)
})

test('an iPhone export and an American one are read', (t) => {
  const iPhone = '\u{feff}[17.03.24, 08:01:22] Amina: Hi\r\n[17.03.24, 08:02:05] Bruno: \u{200e}image omitted\r\n'
  t.deepEqual(readScript(iPhone).authors, ['Amina', 'Bruno'])
  const american = '3/17/24, 8:01 AM - Amina: Hi\n3/17/24, 8:02 PM - Bruno: Hello\n'
  t.deepEqual(
    readScript(american).lines.map(({ text }) => text),
    ['Hi', 'Hello'],
  )
})

test('a text that is too long for one message becomes several, whole again when joined', (t) => {
  const long = '🎉é'.repeat(20_000)
  const script = readScript(`17/03/2024, 08:01 - A: ${long}\n17/03/2024, 08:02 - B: ok\n`)
  const parts = script.lines.filter(({ author }) => author === 0).map(({ text }) => text)
  t.true(parts.every((part) => new TextEncoder().encode(part).length < 65_000))
  t.is(parts.join(''), long)
})

test('a chat in which nobody has anybody to write to is read, and cannot be played', (t) => {
  const alone = readScript('17/03/2024, 08:01 - A: hello\n')
  t.is(alone.messages, 1)
  t.throws(() => checkPlayable(alone), { instanceOf: ScriptError, message: /one person/ })
  const empty = readScript('17/03/2024, 08:01 - Messages are encrypted.\n')
  t.throws(() => checkPlayable(empty), { instanceOf: ScriptError, message: /Nobody writes/ })
})

test('a limit takes the beginning of the chat', (t) => {
  const text = sampleExport({ messages: 50, authors: 3, seed: 1 })
  t.is(readScript(text, 10).lines.length, 10)
})

test('a made-up chat is read back whole: every message, every author, emoji and several lines', (t) => {
  const options = { messages: 2_000, authors: 5, seed: 7 }
  const text = sampleExport(options)
  t.is(text, sampleExport(options))
  const script = readScript(text)
  t.is(script.messages, 2_000)
  t.is(script.lines.length, 2_000)
  t.is(script.authors.length, 5)
  t.true(script.lines.some((line) => /\p{Extended_Pictographic}/u.test(line.text)))
  t.true(script.lines.some((line) => line.text.includes('\n')))
  t.true(script.lines.some((line) => line.text === '<Media omitted>'))
})
