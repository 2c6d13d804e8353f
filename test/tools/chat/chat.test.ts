import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Client, memoryStore, register, verify } from '../../../client/index.ts'
import { Chat } from '../../../tools/chat/chat.ts'
import { renderScreen } from '../../../tools/chat/screen.ts'
import { newPhone } from '../../helpers/http.ts'
import { startNode } from '../../helpers/node.ts'
import type { TestServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

interface Sitter {
  readonly user: number
  readonly chat: Chat
  left: boolean
  screen(): string
}

/** Somebody in front of a screen of 80 columns. */
async function sitDown(t: ExecutionContext, server: TestServer): Promise<Sitter> {
  const phone = newPhone()
  await register(server.url, phone)
  const account = await verify(server.url, phone, server.sms.codeFor(phone), { name: 'Test', platform: 'terminal' })
  const client = await Client.open({ url: server.url, store: memoryStore(), token: account.token })
  t.teardown(() => client.close())
  const quit = (): void => {
    sitter.left = true
  }
  const chat = new Chat(client, account.user, { changed: () => {}, quit })
  const screen = (): string =>
    renderScreen(chat.model, { columns: 80, rows: 24 }, Date.now()).lines.map(stripVTControlCharacters).join('\n')
  const sitter: Sitter = { user: account.user, chat, left: false, screen }
  await chat.start(undefined)
  return sitter
}

function see({ screen }: Sitter, what: RegExp): Promise<void> {
  return waitUntil(`the screen shows ${String(what)}`, () => what.test(screen()))
}

test('two people chat: ticks change in place, typing and presence are seen, the list shows what is unread', async (t) => {
  const server = await startNode(t)
  const [amina, bruno] = [await sitDown(t, server), await sitDown(t, server)]
  await see(amina, /● connected/)
  await amina.chat.entered(`/to +${bruno.user}`)
  await amina.chat.entered('Hello Bruno')
  await see(amina, /Hello Bruno {2}\d\d:\d\d ✓✓/)
  await see(bruno, /1 unread\) Hello Bruno/)
  await bruno.chat.entered('/to 1')
  await see(bruno, /^ Hello Bruno {2}\d\d:\d\d$/m)
  await waitUntil('Amina knows that it was read', () =>
    amina.chat.model.messages.some((message) => message.direction === 'out' && message.status === 'read'),
  )
  await see(amina, /online +● connected/)
  bruno.chat.typed('I', 1)
  await see(amina, /typing…/)
  await bruno.chat.entered('I am here')
  await see(amina, /^ I am here/m)
  t.notRegex(amina.screen(), /typing…/)
  t.is(amina.screen().match(/Hello Bruno/g)?.length, 1)
})

test('offline is visible, what is written waits, and goes out when the connection is back', async (t) => {
  const server = await startNode(t)
  const [amina, bruno] = [await sitDown(t, server), await sitDown(t, server)]
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('/offline')
  await see(amina, /○ offline/)
  await see(amina, /You are offline.*\/online/)
  await amina.chat.entered('later')
  await see(amina, /later {2}\d\d:\d\d …/)
  await amina.chat.entered('/online')
  await see(amina, /later {2}\d\d:\d\d ✓✓/)
  t.pass()
})

test('commands answer in words', async (t) => {
  const server = await startNode(t)
  const amina = await sitDown(t, server)
  await amina.chat.entered('hello?')
  await see(amina, /Open a chat first/)
  await amina.chat.entered('/to 4')
  await see(amina, /no chat 4/)
  await amina.chat.entered('/halp')
  await see(amina, /no command \/halp/)
  await amina.chat.entered('/help')
  await see(amina, /PgUp, PgDn/)
  await amina.chat.entered('/to +15559999999')
  await amina.chat.entered('anybody?')
  await see(amina, /not sent: nobody is registered/)
  await amina.chat.entered('x'.repeat(70_000))
  await see(amina, /Not sent: it is too long/)
  await amina.chat.entered('/chats')
  await see(amina, /1 {2}\+15559999999/)
  t.false(amina.left)
  await amina.chat.entered('/quit')
  t.true(amina.left)
})

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** The tool as `npm run chat` starts it, with a pipe for a terminal; `answer` writes what its output asks for. */
async function runTool(
  home: string,
  parameters: string[],
  answer: (output: string) => string[] | undefined,
): Promise<Ended> {
  const tool = spawn(process.execPath, ['tools/chat/main.ts', ...parameters], { env: { ...process.env, HOME: home } })
  // It may have left before it was answered.
  tool.stdin.on('error', () => {})
  let output = ''
  const hear = (chunk: Buffer): void => {
    output += chunk.toString()
    const lines = answer(output)
    if (lines !== undefined && !tool.stdin.writableEnded) tool.stdin.end(lines.map((line) => `${line}\n`).join(''))
  }
  tool.stdout.on('data', hear)
  tool.stderr.on('data', hear)
  const [code] = (await once(tool, 'close')) as [number | null]
  return { code, output }
}

test('through pipes the tool registers, sends, receives and leaves when all is accepted', async (t) => {
  const server = await startNode(t)
  const home = await mkdtemp(join(tmpdir(), 'parley-chat-'))
  const [amina, bruno] = [newPhone(), newPhone()]
  const first = await runTool(home, [bruno, '--url', server.url], (output) =>
    output.includes('Code: ') ? [server.sms.codeFor(bruno), '/quit'] : undefined,
  )
  t.is(first.code, 0, first.output)
  const second = await runTool(home, [amina, bruno, '--url', server.url], (output) =>
    output.includes('Code: ') ? [server.sms.codeFor(amina), 'one', '//two'] : undefined,
  )
  t.is(second.code, 0, second.output)
  t.regex(second.output, /✓ \S+: one\n✓ \S+: \/two\n/)
  // The account and the server are remembered.
  const third = await runTool(home, [bruno], (output) => (output.includes('/two') ? ['/quit'] : undefined))
  t.regex(third.output, new RegExp(`\\d\\d:\\d\\d \\${amina}: one\\n\\d\\d:\\d\\d \\${amina}: /two\\n`))
  t.is(third.code, 0, third.output)
  const fourth = await runTool(home, [amina, '+15559999999'], () => ['nobody there'])
  t.regex(fourth.output, /✗ not sent: nobody is registered/)
  t.is(fourth.code, 1)
  t.deepEqual((await readdir(join(home, '.parley'))).toSorted(), [amina.slice(1), bruno.slice(1)].toSorted())
})

test('what goes wrong before the chat is said without a stack', async (t) => {
  const server = await startNode(t)
  const home = await mkdtemp(join(tmpdir(), 'parley-chat-'))
  const nothing = (): string[] => []
  for (const [parameters, message] of [
    [['+1555'], /"\+1555" is not a phone number/],
    [['+15550000001', 'bob'], /"bob" is not a phone number/],
    [['+15550000001', '--url', 'http://127.0.0.1:9'], /No server answers at http:\/\/127.0.0.1:9. Start one/],
    [['+15550000001', '--url', 'nonsense'], /nonsense is not an address/],
    [['+15550000001', '--url', server.url], /Registration was not finished/],
    [[], /Name your phone number/],
  ] as const) {
    const { code, output } = await runTool(home, [...parameters], nothing)
    t.is(code, 1)
    t.regex(output, message)
    t.notRegex(output, /\n +at /)
  }
})
