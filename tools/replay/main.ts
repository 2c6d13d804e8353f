import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { isClean } from './checker.ts'
import { decodeExport } from './export-encoding.ts'
import { Player } from './player.ts'
import type { PlayProgress, PlayResult } from './player.ts'
import { renderReport, renderScript } from './report.ts'
import { sampleExport } from './sample.ts'
import { checkPlayable, readScript, ScriptError } from './script.ts'
import type { Script } from './script.ts'
import { ServerProcess } from './server-process.ts'
import { SmsSink } from './sms-sink.ts'
import { parseServerUrl } from '../server-url.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly sample?: number | true
  readonly authors: number
  readonly limit?: number
  readonly url?: string
  readonly smsPort?: number
  readonly seed: number
  readonly window: number
  readonly dryRun?: true
  readonly json?: true
}

const SAMPLE_MESSAGES = 2_000
const PATIENCE_MS = 60_000

const program = new Command('npm run replay --')
  .description(
    'Plays a WhatsApp chat export through real clients, some of whom go away on the way, and checks that everything ' +
      'arrives once and in order. Without --url it starts a server of its own for the run.',
  )
  .argument('[export]', 'the .txt file of "Export chat"')
  .option('--sample [messages]', `play a made-up chat instead (default: ${SAMPLE_MESSAGES} messages)`, wholeNumber)
  .option('--authors <number>', 'how many write in the made-up chat', wholeNumber, 4)
  .option('--dry-run', 'read the chat, say what is in it, and play nothing')
  .option('--json', 'with --dry-run: say it as JSON')
  .option('--limit <messages>', 'play only so many from the beginning', wholeNumber)
  .option('--url <url>', 'a running server to play against; needs --sms-port')
  .option(
    '--sms-port <port>',
    'take the codes here: the server runs with SMS_SENDER=http://127.0.0.1:<port>',
    wholeNumber,
  )
  .option('--seed <number>', 'who goes away when', wholeNumber, 1)
  .option('--window <messages>', 'messages under way at once', wholeNumber, 32)
  .addHelpText(
    'after',
    `
Two authors write to each other; with more, each message goes to every other author as a copy of its own.
The latencies are those of messages whose writer and reader were online from sending to ✓ or ✓✓.
The exit code is 0 only when nothing was lost, duplicated or out of order, and every message was read.`,
  )
  .action(run)

async function run(file: string | undefined, options: Options): Promise<void> {
  if (options.json && !options.dryRun)
    throw new ScriptError('--json goes with --dry-run: a played chat is told as a table.')
  const script = await load(file, options)
  if (options.dryRun) {
    const said = options.json ? JSON.stringify({ ...script, lines: undefined }) : renderScript(script)
    return void process.stdout.write(`${said}\n`)
  }
  checkPlayable(script)
  const { smsPort } = options
  const url = options.url === undefined ? undefined : parseServerUrl(options.url)
  if (options.url !== undefined && url === undefined) throw new ScriptError(`${options.url} is no address of a server`)
  if (url !== undefined && smsPort === undefined) {
    const advice = 'start the server with SMS_SENDER=http://127.0.0.1:4000 and add --sms-port 4000'
    throw new ScriptError(`To register its authors, the tool must get their codes: ${advice}`)
  }
  const directory = await mkdtemp(join(tmpdir(), 'parley-replay-'))
  const sms = await SmsSink.open(smsPort ?? 0)
  let spawning: Promise<ServerProcess> | undefined
  const cleanUp = async (): Promise<void> => {
    sms.close()
    const server = await spawning?.catch(() => undefined)
    await server?.stop()
    await rm(directory, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(130)))
  }
  try {
    if (url === undefined) process.stdout.write('Starting a server for this run…\n')
    if (url === undefined) spawning = ServerProcess.spawn(sms.url)
    const server = await spawning
    await server?.ready()
    const result = await play(script, { ...options, url: server?.url ?? url ?? '' }, sms, directory)
    process.stdout.write(`${renderReport(script, result)}\n`)
    for (const complaint of result.complaints) process.stdout.write(`! ${complaint}\n`)
    const { sent, read } = result.progress
    process.exitCode = isClean(result.findings) && read === sent ? 0 : 1
  } finally {
    await cleanUp()
  }
}

async function load(file: string | undefined, { sample, authors, seed, limit }: Options): Promise<Script> {
  if (sample === undefined && file === undefined)
    throw new ScriptError('Name an export, or play a made-up one: --sample')
  if (sample === undefined) return readScript(decodeExport(await read(file ?? '')), limit)
  const messages = sample === true ? SAMPLE_MESSAGES : sample
  return readScript(sampleExport({ messages, authors, seed }), limit)
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new ScriptError(`There is no file ${file}`)
    if (code === 'EISDIR') throw new ScriptError(`${file} is a folder: give the .txt file in it.`)
    throw error
  }
}

async function play(
  script: Script,
  { url, seed, window }: Options & { url: string },
  sms: SmsSink,
  directory: string,
): Promise<PlayResult> {
  const total = Player.countSends(script)
  process.stdout.write(`${script.authors.length} authors, ${script.messages} messages, ${total} to send\n`)
  const format =
    '{bar} {percentage}% {stage}  sent {sent} · ✓ {accepted} · ✓✓ {delivered} · read {read} of {total} · {away} away'
  const bar = new SingleBar({ format, barsize: 20, hideCursor: true, noTTYOutput: true, notTTYSchedule: 5_000 })
  const show = (progress: PlayProgress): void => bar.update(progress.read, { ...progress })
  bar.start(total, 0, { stage: 'registering', sent: 0, accepted: 0, delivered: 0, away: 0, read: 0 })
  try {
    return await new Player(script, {
      url,
      sms,
      directory,
      seed,
      window,
      patienceMs: PATIENCE_MS,
      progress: show,
    }).play()
  } finally {
    bar.stop()
  }
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
