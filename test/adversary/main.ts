/** `npm run hostile`: attackers against a node or a cluster. docs/hostile.md says what the figures mean. */
import { cpus } from 'node:os'
import { openCluster, openNode } from './arena.ts'
import { attackers } from './attackers/index.ts'
import { fuzz } from './fuzz/fuzz.ts'
import type { FuzzFinding } from './fuzz/fuzz.ts'
import { findFuzzHarm, renderFuzz } from './fuzz/report.ts'
import { readOptions } from './options.ts'
import { renderMarkdown, renderReport, renderVerdict } from './report.ts'
import { tryAttacker } from './trial.ts'
import type { Outcome } from './trial.ts'
import { findDelay, findHarm } from './verdict.ts'

const SECONDS = 60
const SHORT_SECONDS = 5
const FUZZ_STEPS = 40

const options = readOptions(process.argv)
const chosen = attackers.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
if (options.list) {
  for (const { name, about } of chosen) say(`${name.padEnd(22)} ${about}`)
  process.exit(0)
}
const seconds = options.seconds ?? (options.short ? SHORT_SECONDS : SECONDS)
const open = options.cluster && options.fuzz === undefined ? openCluster : openNode
let arena = await open()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void arena.stop().finally(() => process.exit(130)))
}
try {
  const { model = '' } = cpus()[0] ?? {}
  say(`${arena.name}, seed ${options.seed}; ${model}, ${cpus().length} cores`)
  process.exitCode = (options.fuzz === undefined ? await attack() : await play(options.fuzz)) ? 0 : 1
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exitCode = 1
} finally {
  await arena.stop()
}

/** @returns whether all was borne */
async function attack(): Promise<boolean> {
  say(`${seconds} s an attacker`)
  const outcomes: Outcome[] = []
  for (const attacker of chosen) {
    const outcome = await tryAttacker(arena, attacker, seconds, options.seed)
    outcomes.push(outcome)
    say(renderVerdict(outcome))
    for (const words of outcome.died) say(words)
    if (!outcome.wrecked) continue
    await arena.stop()
    arena = await open()
  }
  say(options.markdown ? renderMarkdown(outcomes) : renderReport(outcomes))
  const bad = outcomes.filter((outcome) => findHarm(outcome).length + findDelay(outcome).length > 0)
  say(`${outcomes.length - bad.length} of ${outcomes.length} attackers were borne within their budgets`)
  return bad.length === 0
}

/** @returns whether nothing went wrong */
async function play(sequences: number): Promise<boolean> {
  const onFinding = ({ seed, what, steps }: FuzzFinding): void =>
    say(`! seed ${seed}: ${what}, after ${steps.length} steps at most`)
  const result = await fuzz(arena, { seed: options.seed, sequences, steps: FUZZ_STEPS, onFinding })
  say(renderFuzz(result))
  return result.findings.length === 0 && findFuzzHarm(result).length === 0
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
