import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openAccount } from '../../../tools/chat/account.ts'
import type { Account, AccountOptions } from '../../../tools/chat/account.ts'
import { ChatError } from '../../../tools/chat/chat-error.ts'
import { chooseAccount } from '../../../tools/chat/choose-account.ts'
import { newPhone } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { ChatTool } from './chat-tool.ts'
import { see, sitDown } from './sitter.ts'

const shared = shareServer(test)

test('two people chat: ticks change in place, typing and presence are seen, the list shows what is unread', async (t) => {
  const server = shared()
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
  const server = shared()
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
  const server = shared()
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

test('somebody gets a name, which is shown and serves as their number', async (t) => {
  const server = shared()
  const [amina, bruno] = [await sitDown(t, server), await sitDown(t, server)]
  await amina.chat.entered('/name Bruno')
  await see(amina, /Open the chat first/)
  await amina.chat.entered(`/name +${bruno.user} Bruno`)
  await see(amina, /is called Bruno/)
  await amina.chat.entered('/to brun')
  await see(amina, new RegExp(`^ Bruno {2}\\+${bruno.user}`))
  await amina.chat.entered('Hello')
  await see(amina, /Hello {2}\d\d:\d\d ✓✓/)
  await amina.chat.entered('/chats')
  await see(amina, new RegExp(`1 {2}Bruno {2}\\+${bruno.user}`))
  await bruno.chat.entered(`/to +${amina.user}`)
  await bruno.chat.entered('Hi')
  await see(amina, /Bruno: Hi/)
  await amina.chat.entered('/name 1 Brunhild')
  await see(amina, /Bruno is called Brunhild/)
  await amina.chat.entered('/to bruno')
  await see(amina, /"bruno" is not a phone number, nor a name/)
  t.is(amina.chat.model.peer, undefined)
})

test('what is pasted is sent as it is, answers no question and gives no code away', async (t) => {
  const server = shared()
  const [amina, bruno] = [await sitDown(t, server), await sitDown(t, server)]
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('/offline\n/quit', { isTyped: false })
  await see(amina, /\/offline\n +\/quit {2}\d\d:\d\d ✓✓/)
  t.false(amina.left)
  await amina.chat.entered('/link AVAx_y-z', { isTyped: false })
  await see(amina, /Type \/link and a space yourself/)
  t.is(amina.chat.model.messages.length, 1)
})

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** The tool until it ends; `answer` says what its output asks for, once. */
async function runTool(
  home: string,
  parameters: string[],
  answer: (output: string) => string[] | undefined,
): Promise<Ended> {
  const tool = new ChatTool(home, parameters, (output) => {
    const lines = answer(output)
    if (lines !== undefined) tool.end(lines)
  })
  return { code: await tool.ended, output: tool.output }
}

/** Opens an account as the tool does before its chat, in this process; nobody answers what it asks. */
async function open(phone: string, data: string, options: Partial<AccountOptions>): Promise<Account> {
  const unanswered = (): Promise<undefined> => Promise.resolve(undefined)
  const choice = await chooseAccount({ phone, device: undefined, data, register: false }, unanswered)
  const none = { url: undefined, name: undefined, register: false, restore: false, moved: false }
  return openAccount(choice, { ...none, ...options }, unanswered)
}

test('through pipes the tool registers, sends, receives and leaves when all is accepted', async (t) => {
  const server = shared()
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

test('a server is the same however its address is typed, and for another one nothing is given up', async (t) => {
  const server = shared()
  const home = await mkdtemp(join(tmpdir(), 'parley-chat-'))
  const phone = newPhone()
  const bare = server.url.replace('http://', '')
  const first = await runTool(home, [phone, '--url', bare], (output) =>
    output.includes('Code: ') ? [server.sms.codeFor(phone), '/quit'] : undefined,
  )
  t.is(first.code, 0, first.output)
  const data = join(home, '.parley', phone.slice(1))
  for (const url of [`${server.url}/`, ` ${server.url.toUpperCase()}`]) {
    const again = await open(phone, data, { url })
    t.is(again.url, server.url)
    await again.store.close()
  }
  const other = server.url.replace('127.0.0.1', '127.0.0.2')
  const elsewhere = await t.throwsAsync(open(phone, data, { url: other }), {
    instanceOf: ChatError,
    message: /is an account of .*Leave --url out.*--moved/s,
  })
  t.notRegex(elsewhere.message, /--register/)
  const moved = await runTool(home, [phone, '--url', other, '--moved'], () => ['/quit'])
  t.is(moved.code, 0, moved.output)
  const kept = JSON.parse(await readFile(join(data, 'account.json'), 'utf8')) as unknown
  t.like(kept, { url: other })
})

test('what goes wrong before the chat is said without a stack', async (t) => {
  const server = shared()
  const home = await mkdtemp(join(tmpdir(), 'parley-chat-'))
  const nothing = (): string[] => []
  for (const [parameters, message] of [
    [['+1555'], /"\+1555" is not a phone number/],
    [['+15559990001', 'bob'], /"bob" is not a phone number/],
    [['+15559990001', '--url', 'http://127.0.0.1:9'], /No server answers at http:\/\/127.0.0.1:9. Start one/],
    [[], /Name your phone number/],
  ] as const) {
    const { code, output } = await runTool(home, [...parameters], nothing)
    t.is(code, 1)
    t.regex(output, message)
    t.notRegex(output, /\n +at /)
  }
  for (const [url, message] of [
    ['ftp://nonsense', /ftp:\/\/nonsense is not an address/],
    [server.url, /Registration was not finished/],
  ] as const) {
    await t.throwsAsync(open('+15559990001', join(home, 'data'), { url }), { instanceOf: ChatError, message })
  }
})
