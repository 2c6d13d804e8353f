import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { isClean } from '../../../tools/replay/checker.ts'
import { Player } from '../../../tools/replay/player.ts'
import { renderReport } from '../../../tools/replay/report.ts'
import { sampleExport } from '../../../tools/replay/sample.ts'
import { readScript } from '../../../tools/replay/script.ts'
import { times } from '../../helpers/long.ts'
import { startNode } from '../../helpers/node.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

const MESSAGES = times(200, 2_000)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the tool as `npm run replay` does. */
async function replay(...parameters: string[]): Promise<Ended> {
  const run = promisify(execFile)(process.execPath, ['tools/replay/main.ts', ...parameters])
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  )
}

test(`a chat of ${MESSAGES} messages of three authors, who go away on the way, arrives whole, once and in order`, async (t) => {
  const server = await startNode(t)
  const script = readScript(sampleExport({ messages: MESSAGES, authors: 3, seed: 5 }))
  const stages = new Set<string>()
  const result = await new Player(script, {
    url: server.url,
    sms: { codeFor: async (phone) => server.sms.codeFor(phone) },
    directory: await mkdtemp(join(tmpdir(), 'parley-replay-test-')),
    seed: 5,
    window: 32,
    patienceMs: 30_000,
    progress: ({ stage }) => stages.add(stage),
  }).play()
  t.deepEqual(result.complaints, [])
  t.true(isClean(result.findings), JSON.stringify(result.findings))
  // Each goes to both others.
  const sent = 2 * MESSAGES
  t.like(result.progress, { sent, accepted: sent, delivered: sent, read: sent })
  t.is(result.decrypted, sent)
  t.true(result.absences > MESSAGES / 200)
  t.true(result.acceptedMs.count > MESSAGES / 5)
  t.deepEqual([...stages], ['registering', 'playing', 'settling', 'done'])
  const table = stripVTControlCharacters(renderReport(script, result))
  t.regex(table, /lost +│ +0 │/)
  t.regex(table, /✓ p50 \/ p99 +│ +[\d.]+ \/ [\d.]+ ms │/)
})

test('the tool starts a server of its own, plays an export, and succeeds when all arrived', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'parley-replay-test-')), 'chat.txt')
  await writeFile(file, sampleExport({ messages: 120, authors: 2, seed: 3 }))
  const { code, stdout, stderr } = await replay(file)
  t.regex(stderr, /100% done/)
  t.regex(stdout, /authors +│ +2: Amina, Bruno │/)
  t.regex(stdout, /2 authors, 120 messages, 120 to send/)
  t.regex(stdout, /read +│ +120 │/)
  t.regex(stdout, /decrypted as written +│ +120 │/)
  t.regex(stdout, /out of order +│ +0 │/)
  t.is(code, 0)
})

test('a dry run says what was read, as a table or as JSON, and needs no server', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'parley-replay-test-')), 'chat.txt')
  await writeFile(file, '17/03/2024, 08:00 - Encrypted.\n17/03/2024, 08:01 - Ana: hi\n17/03/2024, 08:01 - Ana:\n')
  const json = await replay(file, '--dry-run', '--json')
  t.deepEqual(JSON.parse(json.stdout), { authors: ['Ana'], messages: 1, system: 1, skipped: 1 })
  const table = await replay(file, '--dry-run')
  t.regex(table.stdout, /authors +│ 1: Ana +│/)
  t.regex(table.stdout, /notices of WhatsApp +│ 1 +│/)
  t.deepEqual([json.code, table.code], [0, 0])
})

test('what cannot be played is said in one line', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'parley-replay-test-')), 'chat.txt')
  await writeFile(file, 'no chat')
  for (const [parameters, message] of [
    [[file], /^No line begins with a date and a time. Line 1 is: no chat\n$/],
    [['/does/not/exist.txt'], /^There is no file \/does\/not\/exist.txt\n$/],
    [['src'], /^src is a folder: give the .txt file in it.\n$/],
    [['--sample', '--json'], /^--json goes with --dry-run/],
    [[], /^Name an export.*\n$/],
    [['--sample', '--url', 'http://127.0.0.1:9'], /^To register.*SMS_SENDER.*\n$/],
    [
      ['--sample', '--url', 'http://127.0.0.1:9', '--sms-port', '45901'],
      /No server answers at http:\/\/127.0.0.1:9\n$/,
    ],
    [['--sample', 'many'], /whole number/],
  ] as const) {
    const { code, stderr } = await replay(...parameters)
    t.is(code, 1)
    t.regex(stderr, message)
    t.notRegex(stderr, /\n +at /)
  }
})

test('a closed terminal ends a run and all that it has started, at any moment', async (t) => {
  const marks = async () => {
    const lines = await Promise.all(
      (await readdir('/proc')).map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')),
    )
    return lines.filter((line) => line.includes(temporary))
  }
  const temporary = await mkdtemp(join(tmpdir(), 'parley-replay-test-'))
  await chmod(temporary, 0o711)
  for (const moment of [/Starting a server/, /sent/]) {
    const child = spawn(process.execPath, ['tools/replay/main.ts', '--sample', '5000'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (data: Buffer) => (said += data.toString()))
    await waitUntil('it is so far', () => moment.test(said), 60_000)
    if (moment.test('sent')) await waitUntil('PostgreSQL runs', async () => (await marks()).length > 0)
    child.kill('SIGHUP')
    await once(child, 'exit')
    await waitUntil('nothing of it runs', async () => (await marks()).length === 0)
    t.deepEqual(
      (await readdir(temporary)).filter((name) => name.startsWith('parley-replay')),
      [],
    )
  }
})
