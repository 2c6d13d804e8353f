import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { times } from '../helpers/long.ts'
import { ALL_REPAIRS } from './config.ts'
import { realCores } from './cores.ts'
import type { Cores } from './cores.ts'
import { FLAWS } from './flaws.ts'
import type { Flaw } from './flaws.ts'
import { loadMutant } from './mutants.ts'
import { explain } from './shrink.ts'
import { walk } from './walk.ts'
import type { Walk, WalkKind } from './walk.ts'

const MAX_WALKS = 60_000
const SOUND_WALKS = times(200, 1_500)
const SLICE = 500

for (const flaw of FLAWS) {
  test.serial(`the walk finds it when ${flaw.name}`, async (t) => {
    t.timeout(300_000)
    const cores = flaw.edits === undefined ? realCores : await loadMutant(flaw.edits)
    const found = await findViolation(cores, kindOf(flaw), MAX_WALKS, times(flaw.foundBy, undefined))
    t.truthy(found, `${MAX_WALKS} walks have not found it`)
    if (found !== undefined) t.log(`walk ${found.seed}: ${found.world.violation}`)
  })
}

test.serial('walks of the same kinds find nothing in sound cores', async (t) => {
  t.timeout(300_000)
  for (const kind of new Set(FLAWS.map((flaw) => flaw.kind))) {
    const found = await findViolation(realCores, kind ?? {}, SOUND_WALKS)
    t.is(found && explain(found, realCores), undefined)
  }
})

function kindOf({ kind = {}, without }: Flaw): WalkKind {
  if (without === undefined) return kind
  const repairs = { ...ALL_REPAIRS, ...kind.config?.repairs, [without]: false }
  return { ...kind, config: { ...kind.config, repairs } }
}

/** @param first - the seed of a walk to try before all others */
async function findViolation(cores: Cores, kind: WalkKind, walks: number, first = 1): Promise<Walk | undefined> {
  const tried = walk(first, cores, kind)
  if (tried.world.violation !== undefined) return tried
  for (let seed = 1; seed <= walks; seed++) {
    const done = walk(seed, cores, kind)
    if (done.world.violation !== undefined) return done
    if (seed % SLICE === 0) await setImmediate()
  }
  return undefined
}
