import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { openAccount } from '../../../tools/chat/account.ts'
import { ChatError } from '../../../tools/chat/chat-error.ts'
import { chooseAccount } from '../../../tools/chat/choose-account.ts'
import { linkAccount } from '../../../tools/chat/linked-account.ts'
import { App } from '../../helpers/app.ts'
import { newPhone } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { ChatTool } from './chat-tool.ts'
import { readQr } from './read-qr.ts'

const shared = shareServer(test)

/** What the tool is given where nothing is said. */
const nobody = { phone: undefined, device: undefined, data: undefined, register: false }
const unanswered = (): Promise<undefined> => Promise.resolve(undefined)

function newHome(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'parley-linking-'))
}

function start(t: ExecutionContext, home: string, ...parameters: string[]): ChatTool {
  const tool = new ChatTool(home, parameters)
  t.teardown(async () => {
    tool.end()
    await tool.ended
  })
  return tool
}

async function startRegistered(t: ExecutionContext, home: string, phone: string): Promise<ChatTool> {
  const { url, sms } = shared()
  const tool = start(t, home, phone, '--url', url)
  await tool.see(/Code: /)
  tool.type(sms.codeFor(phone))
  await tool.see(/connected/)
  return tool
}

/** Links a new device that was started with --link; returns it. */
async function link(t: ExecutionContext, first: ChatTool, home: string, ...parameters: string[]): Promise<ChatTool> {
  const second = start(t, home, '--link', '--url', shared().url, '--name', 'Kitchen', ...parameters)
  const [, code = ''] = await second.see(/^\/link (\S+)$/m)
  const picture = (): string[] => second.output.split('\n').filter((line) => line.startsWith('\u{1b}'))
  await waitUntil('the picture of the code is whole', () => readQr(picture()) === code)
  first.type(`/link ${code}`)
  const [, digits] = await second.see(/the same digits: (\d{3} \d{3})/)
  await first.see(/Link Kitchen to your account\?/)
  t.is((await first.see(/show the same digits: {2}(\d{3} \d{3})/))[1], digits)
  first.type('y')
  await first.see(/Linked: Kitchen is device \d/)
  await second.see(/connected/)
  return second
}

test('a device is linked without a phone number, on the same machine too, and both chat on', async (t) => {
  const home = await newHome()
  const [amina, bruno] = [newPhone(), newPhone()]
  const other = await App.register(t, shared(), { phone: bruno })
  const heard = (text: string): Promise<void> => waitUntil(`Bruno reads: ${text}`, () => other.texts.includes(text))
  const first = await startRegistered(t, home, amina)
  first.type(`/to ${bruno}`)
  first.type('before')
  await first.see(/✓ \S+: before/)
  const second = await link(t, first, home, bruno)
  await second.see(new RegExp(`Linked: this is device 2 of \\${amina}\\.`))
  await second.see(/-- 1 earlier message has come/)
  second.type('from the kitchen')
  await heard('from the kitchen')
  await first.see(/✓ \S+: from the kitchen/)
  await other.say({ user: Number(amina) }, 'hello both')
  await first.see(/: hello both/)
  await second.see(/: hello both/)
  second.type('/devices')
  await second.see(/2 {2}Kitchen {2}← this one/)

  second.end(['/quit'])
  t.is(await second.ended, 0)
  t.is((await readdir(join(home, '.parley'))).length, 2)
  const again = start(t, home, amina, bruno, '--device', '2')
  await again.see(/connected/)
  again.type('back again')
  await heard('back again')
  const none = { url: undefined, name: undefined, register: false, restore: false, moved: false }
  const same = await chooseAccount({ ...nobody, phone: amina, data: join(home, '.parley', amina.slice(1)) }, unanswered)
  const open = { instanceOf: ChatError, message: /is open in another terminal/ }
  await t.throwsAsync(openAccount(same, none, unanswered), open)
  const missing = start(t, home, amina, '--device', '3')
  t.is(await missing.ended, 1)
  t.regex(missing.output, /Device 3 of \S+ is not on this machine/)
})

test('a linked device keeps its account where it is told, and says what became of it', async (t) => {
  const home = await newHome()
  const data = join(home, 'elsewhere')
  const amina = newPhone()
  const first = await startRegistered(t, home, amina)
  const second = await link(t, first, home, '--data', data)
  t.deepEqual(await readdir(join(home, '.parley')), [amina.slice(1)])
  second.end(['/quit'])
  await second.ended
  const again = start(t, home, '--data', data)
  await again.see(/connected/)
  const twice = linkAccount({ url: shared().url, data, name: undefined })
  await t.throwsAsync(twice, { instanceOf: ChatError, message: /holds \S+ already/ })
  const foreign = chooseAccount({ ...nobody, phone: newPhone(), data }, unanswered)
  await t.throwsAsync(foreign, { instanceOf: ChatError, message: new RegExp(`holds \\${amina}`) })
  first.type('/devices remove 2')
  await first.see(/Remove device 2, Kitchen\?/)
  first.type('y')
  await again.see(/This device was removed from the account.*--link/)
})

test('a device that nobody links leaves nothing behind, and no is an answer', async (t) => {
  const home = await newHome()
  const nowhere = start(t, home, '--link', '--url', 'http://127.0.0.1:9')
  t.is(await nowhere.ended, 1)
  t.regex(nowhere.output, /No server answers/)
  t.notRegex(nowhere.output, /\n +at /)
  t.deepEqual(await readdir(join(home, '.parley')), [])
  const first = await startRegistered(t, home, newPhone())
  first.type('/link abc')
  await first.see(/-- That is no code of a new device/)
  first.type('/safety')
  await first.see(/-- Open a chat first/)
})
