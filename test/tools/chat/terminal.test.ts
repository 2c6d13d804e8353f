import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { linkDevice, memoryStore } from '../../../client/index.ts'
import { environment } from '../../helpers/environment.ts'
import { newPhone } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { TerminalProcess } from '../../helpers/terminal-process.ts'
import { testWithTools } from '../../helpers/tools.ts'

const test = testWithTools(anyTest, 'script')
const shared = shareServer(test)

/** What a terminal is told at the end, in any order: bracketed paste, wrapping, the cursor and its own screen. */
const GIVEN_BACK = ['\u{1b}[?2004l', '\u{1b}[?7h', '\u{1b}[?25h', '\u{1b}[?1049l']

interface Account {
  readonly home: string
  readonly phone: string
}

function start(t: ExecutionContext, { home, phone }: Account, nodeOptions = ''): TerminalProcess {
  const command = `exec ${process.execPath} ${nodeOptions} tools/chat/main.ts ${phone} --url ${shared().url}`
  return new TerminalProcess(t, command, { ...environment(), HOME: home })
}

/** The tool on the whole screen, of an account of its own. */
async function startRegistered(t: ExecutionContext, nodeOptions?: string): Promise<TerminalProcess> {
  const phone = newPhone()
  const home = await mkdtemp(join(tmpdir(), 'parley-terminal-'))
  const tool = start(t, { home, phone }, nodeOptions)
  await tool.see(/Code: /)
  tool.type(`${shared().sms.codeFor(phone)}\r`)
  await tool.see(/● connected/)
  return tool
}

async function requireGivenBack(t: ExecutionContext, tool: TerminalProcess, code: number): Promise<void> {
  const [, left, settings = ''] = await tool.see(/left with (\d+)\s([^]*-?noflsh)/)
  t.is(Number(left), code)
  t.regex(settings, /\sicanon/)
  t.regex(settings, /\secho\s/)
  const end = tool.output.slice(0, tool.output.indexOf('left with'))
  for (const sequence of GIVEN_BACK) t.true(end.includes(sequence), JSON.stringify(sequence))
  t.true(end.lastIndexOf('\u{1b}[?1049l') > end.lastIndexOf('\u{1b}[?1049h'))
  t.true(end.lastIndexOf('\u{1b}[?2004l') > end.lastIndexOf('\u{1b}[?2004h'))
}

test('the terminal is given back when a person quits', async (t) => {
  // By /quit: see the last test.
  for (const keys of ['\u{3}', '\u{4}']) {
    const tool = await startRegistered(t)
    tool.type(keys)
    await requireGivenBack(t, tool, 0)
  }
})

test('the terminal is given back at every signal that ends', async (t) => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const tool = await startRegistered(t)
    tool.signal(signal)
    await requireGivenBack(t, tool, code)
  }
})

test('the terminal is given back while a question is asked', async (t) => {
  const tool = await startRegistered(t)
  const showCode = (code: string): void => tool.type(`/link ${code}\r`)
  const device = { store: memoryStore(), name: 'Second', platform: 'terminal', showCode, showDigits: () => {} }
  // It waits for two minutes.
  linkDevice(shared().url, device).catch(() => {})
  await tool.see(/Type y or n and press Enter/)
  tool.signal('SIGTERM')
  await requireGivenBack(t, tool, 143)
})

test('the terminal is given back after an error that nothing caught, and the error can be read', async (t) => {
  // Thrown at a signal that means nothing here.
  const script = 'process.on("SIGUSR2",()=>{throw new Error("nothing caught this")})'
  const tool = await startRegistered(t, `--import "data:text/javascript,${encodeURIComponent(script)}"`)
  tool.signal('SIGUSR2')
  await requireGivenBack(t, tool, 1)
  t.regex(tool.output.slice(tool.output.lastIndexOf('\u{1b}[?1049l')), /nothing caught this/)
})

test('a question before the chat leaves the terminal as it is', async (t) => {
  const tool = start(t, { home: await mkdtemp(join(tmpdir(), 'parley-terminal-')), phone: newPhone() })
  await tool.see(/Code: /)
  tool.signal('SIGTERM')
  const [, settings = ''] = await tool.see(/left with 143\s([^]*-?noflsh)/)
  t.regex(settings, /\secho\s/)
  t.false(tool.output.includes('\u{1b}[?1049h'))
})

test('what is pasted is in the input until Enter is pressed, and then a text; /quit gives the terminal back', async (t) => {
  const tool = await startRegistered(t)
  tool.type(`/to ${newPhone()}\r`)
  await tool.see(/No messages yet/)
  tool.type('\u{1b}[200~/offline\r/quit\r\u{1b}[201~')
  await tool.see(/> \/offline↵\/quit↵/)
  tool.type('\r')
  await tool.see(/ \/offline[^]* \/quit[^]*✗ not sent: nobody/)
  tool.type(`\u{1b}[200~${'x'.repeat(70_000)}\u{1b}[201~`)
  await tool.see(/> x{77}/)
  tool.type('\r')
  await tool.see(/Not sent: it is too long/)
  tool.type('/quit\r')
  await requireGivenBack(t, tool, 0)
})
