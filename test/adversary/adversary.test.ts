import test from 'ava'
import { LONG, times } from '../helpers/long.ts'
import { openNode } from './arena.ts'
import type { Arena } from './arena.ts'
import { attackers } from './attackers/index.ts'
import { fuzz } from './fuzz/fuzz.ts'
import { findFuzzHarm } from './fuzz/report.ts'
import { renderReport } from './report.ts'
import { tryAttacker } from './trial.ts'
import { findHarm } from './verdict.ts'

/** How long an attacker attacks. `npm run hostile` gives each a minute. */
const SECONDS = times(1, 3)
const SEQUENCES = times(6, 60)
const SEED = Number(process.env['HOSTILE_SEED'] ?? 11)
/** One of each sort, where all of them would take too long. */
const SAMPLE = new Set([
  'ping-flood-json',
  'unwatch-flood',
  'unknown-frames',
  'single-receipts',
  'connection-numbers',
  'slow-bodies',
  'slow-backups',
  'identity-check',
  'asked-for',
  'asked-again',
])

let arena: Arena

test.before(async () => {
  arena = await openNode()
})
test.after.always(() => arena?.stop())

const chosen = process.env[LONG] === undefined ? attackers.filter(({ name }) => SAMPLE.has(name)) : attackers
for (const attacker of chosen) {
  test.serial(`what ${attacker.name} does costs nobody a message, nor the node its life`, async (t) => {
    const outcome = await tryAttacker(arena, attacker, SECONDS, SEED)
    t.log(renderReport([outcome]))
    for (const words of outcome.died) t.log(words)
    if (outcome.wrecked) {
      await arena.stop()
      arena = await openNode()
    }
    t.deepEqual(findHarm(outcome), [])
  })
}

test.serial(
  'no random sequence of frames and requests brings about a fault, or more bytes than it sends',
  async (t) => {
    t.timeout(SEQUENCES * 30_000)
    const result = await fuzz(arena, { seed: SEED, sequences: SEQUENCES, steps: 40 })
    t.log(`seed ${SEED}`)
    t.deepEqual(result.findings, [])
    t.deepEqual(findFuzzHarm(result), [])
  },
)
