import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { App } from '../../helpers/app.ts'
import { newPhone } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { ChatTool } from './chat-tool.ts'

const shared = shareServer(test)

async function start(t: ExecutionContext, ...parameters: string[]): Promise<ChatTool> {
  const home = await mkdtemp(join(tmpdir(), 'parley-backup-'))
  const tool = new ChatTool(home, [...parameters, '--url', shared().url])
  t.teardown(async () => {
    tool.end()
    await tool.ended
  })
  return tool
}

async function startRegistered(t: ExecutionContext, phone: string): Promise<ChatTool> {
  const tool = await start(t, phone)
  await tool.see(/Code: /)
  tool.type(shared().sms.codeFor(phone))
  await tool.see(/connected/)
  return tool
}

/** Makes a backup; returns the recovery key as it is on the screen. */
async function backUp(tool: ChatTool): Promise<string> {
  tool.type('/backup')
  const [, first = '', second = ''] = await tool.see(
    /Your recovery key\n\n {2}((?:\w{4} ?){8})\n {2}((?:\w{4} ?){8})\n/,
  )
  return `${first} ${second}`
}

test('an account that was backed up is brought back on a new machine, with its chats and as the same account', async (t) => {
  const [amina, bruno] = [newPhone(), newPhone()]
  const other = await App.register(t, shared(), { phone: bruno })
  const heard = (text: string): Promise<void> => waitUntil(`Bruno reads: ${text}`, () => other.texts.includes(text))
  const lost = await startRegistered(t, amina)
  lost.type(`/to ${bruno}`)
  lost.type('before')
  await lost.see(/✓ \S+: before/)
  await heard('before')
  await other.say({ user: Number(amina) }, 'an answer')
  await lost.see(/: an answer/)
  const key = await backUp(lost)

  const found = await start(t, amina, bruno, '--restore')
  await found.see(/Recovery key: /)
  found.type('too short')
  await found.see(/Not a recovery key of 64 letters and digits/)
  found.type(key.toUpperCase())
  await found.see(/will be logged out[^]*Code: /)
  found.type(shared().sms.codeFor(amina))
  await found.see(/Restored, with 2 messages\.[^]*connected/)
  await lost.see(/This device was removed from the account/)
  found.type('from the new machine')
  await heard('from the new machine')
  t.deepEqual(other.identities, [])
  found.end(['/backup', '/quit'])
  t.is(await found.ended, 0)
  t.true(found.output.replaceAll(/\s+/g, ' ').includes(key), 'the recovery key stays the same')
})

test('a recovery key or a code that is wrong is asked for again, and nothing that was right', async (t) => {
  const amina = newPhone()
  const first = await startRegistered(t, amina)
  const key = await backUp(first)
  const found = await start(t, amina, '--restore')
  await found.see(/Recovery key: /)
  found.type(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)
  await found.see(/Code: /)
  found.type('12345')
  await found.see(/A code has 6 digits, and that had 5[^]*Code: /)
  const code = shared().sms.codeFor(amina)
  found.type(code === '000000' ? '000001' : '000000')
  await found.see(/That code is wrong[^]*Code \(or Enter for a new one\): /)
  found.type(`${code.slice(0, 3)} ${code.slice(3)}`)
  await found.see(/has no backup of this number under that recovery key[^]*Recovery key: /)
  found.type(key.slice(0, 39))
  await found.see(/that had 32\. Type what comes after …\w{4}, or all of it again\.[^]*The rest of it: /)
  found.type(key.slice(39))
  await found.see(/Restored, with 0 messages\.[^]*connected/)
  t.is(found.output.match(/Code: /g)?.length, 2)
  t.notRegex(found.output, /too old/)
})

test('without a recovery key nothing is restored', async (t) => {
  const none = await start(t, newPhone(), '--restore')
  await none.see(/Recovery key: /)
  none.end()
  t.is(await none.ended, 1)
  t.regex(none.output, /Registration was not finished/)
})
