/** `npm run hostile`: attackers against a node or a cluster. docs/hostile.md says what the figures mean. */
import { cpus } from 'node:os'
import { openCluster, openNode } from './arena.ts'
import { attackers } from './attackers/index.ts'
import { readOptions } from './options.ts'
import { renderReport, renderVerdict } from './report.ts'
import { tryAttacker } from './trial.ts'
import type { Outcome } from './trial.ts'
import { findDelay, findHarm } from './verdict.ts'

const SECONDS = 60
const SHORT_SECONDS = 5

const options = readOptions(process.argv)
const chosen = attackers.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
if (options.list) {
  for (const { name, about } of chosen) say(`${name.padEnd(22)} ${about}`)
  process.exit(0)
}
const seconds = options.seconds ?? (options.short ? SHORT_SECONDS : SECONDS)
const open = options.cluster ? openCluster : openNode
let arena = await open()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void arena.stop().finally(() => process.exit(130)))
}
try {
  const { model = '' } = cpus()[0] ?? {}
  say(`${arena.name}, ${seconds} s an attacker, seed ${options.seed}; ${model}, ${cpus().length} cores`)
  const outcomes: Outcome[] = []
  for (const attacker of chosen) {
    const outcome = await tryAttacker(arena, attacker, seconds, options.seed)
    outcomes.push(outcome)
    say(renderVerdict(outcome))
    if (!outcome.wrecked) continue
    await arena.stop()
    arena = await open()
  }
  say(renderReport(outcomes))
  const bad = outcomes.filter((outcome) => findHarm(outcome).length + findDelay(outcome).length > 0)
  say(`${outcomes.length - bad.length} of ${outcomes.length} attackers were borne within their budgets`)
  process.exitCode = bad.length === 0 ? 0 : 1
} finally {
  await arena.stop()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
