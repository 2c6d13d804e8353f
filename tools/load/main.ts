import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { findProgram } from '../get/find-program.ts'
import { SmsSink } from '../replay/sms-sink.ts'
import { registerAccounts, TargetError } from './accounts.ts'
import { Codes } from './codes.ts'
import { K6 } from './k6.ts'
import { ROOMY_LIMITS } from '../roomy-limits.ts'
import { OwnCluster } from './own-cluster.ts'
import { renderReport } from './report.ts'
import { type ScenarioName, scenarioNames, scenarios, STORM_WRITERS } from './scenarios.ts'
import { parseServerUrl } from '../server-url.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly url?: string
  readonly smsPort?: number
  readonly nodes: number
  readonly vus?: number
  readonly duration?: number
  readonly encoding: 'json' | 'binary'
  readonly rate: number
  readonly messages: number
  readonly payload: number
  readonly p99: number
}

/** Numbers for examples; those that the scenarios register themselves are above. */
const FIRST_USER = 15_550_000_000
const FIRST_NEW_USER = 15_560_000_000
/** Runs against the same target begin at different users, whose mailboxes are empty. */
const RUNS = 900
const USERS_OF_A_RUN = 10_000

const program = new Command('npm run load --')
  .description(
    'Puts a cluster under load with k6, and says whether it kept its thresholds. Without --url it starts a cluster of ' +
      'its own for the run: haproxy, nodes, NATS, PostgreSQL.',
  )
  .addArgument(new Argument('<scenario>', 'what is done').choices(scenarioNames))
  .option('--url <url>', 'a running target on this machine; needs --sms-port', parseUrl)
  .option(
    '--sms-port <port>',
    'take the codes here: the target runs with SMS_SENDER=http://127.0.0.1:<port>',
    wholeNumber,
  )
  .option('--nodes <number>', 'of its own cluster', wholeNumber, 2)
  .option('--vus <number>', 'devices, mailboxes or users; the default is in the list below', wholeNumber)
  .option('--duration <seconds>', 'how long it goes on, but for ramp and end', parseDuration)
  .addOption(new Option('--encoding <name>', 'of the WebSocket').choices(['json', 'binary']).default('binary'))
  .option('--rate <number>', 'messages a second, of each device that writes', positive, 1)
  .option('--messages <number>', 'in each mailbox that fills (offline)', wholeNumber, 250)
  .option('--payload <bytes>', 'of a message', wholeNumber, 150)
  .option(
    '--p99 <ms>',
    'what 99 % of messages and requests must stay below; offline and storm have limits above',
    wholeNumber,
    500,
  )
  .addHelpText(
    'after',
    `
Scenarios:
${scenarioList()}

A target that runs already must have been started with these, for --sms-port 4000:
  SMS_SENDER=http://127.0.0.1:4000
  LIMITS='${ROOMY_LIMITS}'

The exit code is 0 only when all thresholds held.`,
  )
  .action(run)

async function run(name: ScenarioName, options: Options): Promise<void> {
  const program = findProgram(['k6'])
  if (program === undefined) throw new TargetError('This needs k6: npm run tools -- --install k6')
  if (options.url !== undefined && options.smsPort === undefined) {
    throw new TargetError('To register users, the tool must get their codes: add --sms-port (see --help)')
  }
  const k6 = new K6(program)
  const signal = stopOnSignals(() => k6.stop())
  await using cleanUp = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'parley-load-run-'))
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }))
  const sms = await SmsSink.open(options.smsPort ?? 0)
  cleanUp.defer(() => sms.close())
  const codes = await Codes.open(sms)
  cleanUp.defer(() => codes.close())
  const url = options.url ?? (await startCluster(options.nodes, sms, signal, cleanUp))
  const scenario = scenarios[name]
  const asked = options.vus ?? scenario.vus
  const vus = scenario.pairs === true ? asked + (asked % 2) : asked
  const offset = options.url === undefined ? 0 : Math.floor(Math.random() * RUNS) * USERS_OF_A_RUN
  const many = scenario.accounts(vus)
  process.stdout.write(`Registering ${many} users at ${url}…\n`)
  const { hosted } = scenario
  const accounts = await registerAccounts({ url, sms, firstUser: FIRST_USER + offset, count: many, hosted, signal })
  const accountsFile = join(directory, 'accounts.json')
  await writeFile(accountsFile, JSON.stringify(accounts))
  const variables = {
    URL: url,
    ENCODING: options.encoding,
    VUS: vus,
    WRITERS: STORM_WRITERS,
    DURATION_MS: options.duration ?? scenario.durationMs,
    RATE: options.rate,
    MESSAGES: options.messages,
    PAYLOAD_BYTES: options.payload,
    P99_MS: options.p99,
    CODES_URL: codes.url,
    FIRST_NEW_USER: FIRST_NEW_USER + offset,
    ACCOUNTS: accountsFile,
  }
  signal.throwIfAborted()
  const result = await k6.run(name, variables, directory)
  process.stdout.write(
    `\n${renderReport({ name, vus, encoding: name === 'http' ? undefined : options.encoding, result })}\n`,
  )
  process.exitCode = result.code
}

/** Whatever is under way ends, and what it has started with it. @param stop - ends what does not hear of the signal */
function stopOnSignals(stop: () => void): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      stopping.abort(new TargetError('Stopped'))
      stop()
    })
  }
  return stopping.signal
}

async function startCluster(
  nodes: number,
  sms: SmsSink,
  signal: AbortSignal,
  cleanUp: AsyncDisposableStack,
): Promise<string> {
  process.stdout.write(`Starting a cluster of ${nodes} nodes for this run…\n`)
  const cluster = await OwnCluster.start({ nodes, smsUrl: sms.url, signal })
  cleanUp.defer(() => cluster.stop())
  return cluster.url
}

function scenarioList(): string {
  return scenarioNames
    .map((name) => {
      const { summary, vus, durationMs } = scenarios[name]
      return `  ${name.padEnd(12)} ${summary} (--vus ${vus} --duration ${durationMs / 1_000})`
    })
    .join('\n')
}

/** @returns it without a slash at its end */
function parseUrl(text: string): string {
  const url = parseServerUrl(text)
  if (url === undefined) throw new InvalidArgumentError('It must be the address of a server.')
  return url
}

function positive(text: string): number {
  const number = Number(text)
  if (!(number > 0 && number <= 1_000)) throw new InvalidArgumentError('It must be a number above 0, at most 1,000.')
  return number
}

/** @returns ms */
function parseDuration(text: string): number {
  const number = Number(text.replace(/s$/, ''))
  if (!(number > 0 && number <= 3_600)) throw new InvalidArgumentError('It must be a number of seconds, at most 3,600.')
  return number * 1_000
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
