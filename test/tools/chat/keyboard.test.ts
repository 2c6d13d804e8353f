import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { Keyboard } from '../../../tools/chat/keyboard.ts'

/** What a keyboard hears of these chunks. */
async function hear(...chunks: readonly (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough()
  const heard: string[] = []
  const keyboard = new Keyboard(stream, {
    text: (text, origin) => heard.push(`${origin}: ${text}`),
    key: ({ name, ctrl, meta }) => heard.push(`${ctrl === true ? 'ctrl ' : ''}${meta === true ? 'alt ' : ''}${name}`),
  })
  for (const chunk of chunks) {
    stream.write(chunk)
    await setImmediate()
  }
  keyboard.close()
  stream.destroy()
  return heard
}

test('characters that come together are heard together, keys between them in their place', async (t) => {
  t.deepEqual(await hear('hello\r', '\u{1b}[Dx'), ['typed: hello', 'return', 'left', 'typed: x'])
  t.deepEqual(await hear('x'.repeat(70_000)), [`typed: ${'x'.repeat(70_000)}`])
  t.deepEqual(await hear('\u{1b}\r\n\u{3}'), ['alt return', 'enter', 'ctrl c'])
})

test('a paste is text, whatever it holds, and in however many chunks it comes', async (t) => {
  t.deepEqual(await hear('\u{1b}[200~/offline\r/quit\r\u{1b}[201~\r'), ['pasted: /offline\r/quit\r', 'return'])
  t.deepEqual(await hear('a\u{1b}[20', '0~b\r\u{1b}[Ac\u{1b}[2', '01~d'), [
    'typed: a',
    'pasted: b\r\u{1b}[Ac',
    'typed: d',
  ])
})

test('an emoji whose bytes come apart is one text', async (t) => {
  const bytes = Buffer.from('👋🏽')
  t.is((await hear(bytes.subarray(0, 2), bytes.subarray(2))).join('').replaceAll('typed: ', ''), '👋🏽')
})

test('a paste whose end is lost holds nobody back', async (t) => {
  t.deepEqual(await hear('\u{1b}[200~text', '\u{3}', '\u{3}'), ['pasted: text', 'ctrl c'])
})
