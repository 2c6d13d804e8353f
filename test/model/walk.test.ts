import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { times } from '../helpers/long.ts'
import { realCores } from './cores.ts'
import { addWalk, noCounts } from './coverage.ts'
import type { Coverage } from './coverage.ts'
import { explain } from './shrink.ts'
import { replay, walk } from './walk.ts'

/** WALKS and SEED make a longer campaign, or another one. */
const WALKS = Number(process.env['WALKS'] ?? times(8_000, 40_000))
const SEED = Number(process.env['SEED'] ?? 1)
const SLICE = 500

/** Each thing of the coverage happens in one of so many walks at least. */
const RARE = 1_000

test(`${WALKS} walks of several nodes through every fault break no promise`, async (t) => {
  t.timeout(60_000 + WALKS * 10)
  const total = noCounts()
  let steps = 0
  for (let seed = SEED; seed < SEED + WALKS; seed++) {
    const done = walk(seed, realCores)
    if (done.world.violation !== undefined) return t.fail(explain(done, realCores))
    addWalk(total, done.world.count)
    steps += done.world.tick
    if (seed % SLICE === 0) await setImmediate()
  }
  t.log(`${WALKS} walks from seed ${SEED}, ${steps} steps; walks in which it happened:`, total)
  for (const name of Object.keys(total) as (keyof Coverage)[]) {
    t.true(total[name] >= Math.floor(WALKS / RARE), `${name} happened in ${total[name]} walks only`)
  }
})

test('the same seed walks the same way', (t) => {
  for (let seed = SEED; seed < SEED + 20; seed++) {
    const first = walk(seed, realCores)
    const second = walk(seed, realCores)
    t.deepEqual(second.trace, first.trace)
    t.is(second.world.tick, first.world.tick)
    const { world, played } = replay(first.config, realCores, first.trace, first.restSeed)
    t.deepEqual(played, first.trace)
    t.is(world.tick, first.world.tick)
  }
})
