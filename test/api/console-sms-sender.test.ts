import { PassThrough } from 'node:stream'
import test from 'ava'
import { pino } from 'pino'
import { ConsoleSmsSender } from '../../src/api/console-sms-sender.ts'

/** What stands in the log and on the terminal after a code was sent. */
async function send(level: string, hasTerminal: boolean): Promise<{ log: string; terminal: string }> {
  const [log, terminal] = [new PassThrough(), new PassThrough()]
  const sender = new ConsoleSmsSender(pino({ level }, log), hasTerminal ? terminal : undefined)
  await sender.send('+15550000001', '123456 is your Parley code')
  return { log: String(log.read() ?? ''), terminal: String(terminal.read() ?? '') }
}

test('a code stands on a line of its own where a person looks at a terminal', async (t) => {
  const { log, terminal } = await send('info', true)
  t.regex(terminal, /^ +\+15550000001: 123456 is your Parley code$/m)
  t.like(JSON.parse(log), { event: 'sms', to: '+15550000001', text: '123456 is your Parley code' })
})

test('a log that is read by programs has lines of JSON alone, at every level', async (t) => {
  const { log, terminal } = await send('error', false)
  t.is(terminal, '')
  t.like(JSON.parse(log), { event: 'sms', text: '123456 is your Parley code' })
})
