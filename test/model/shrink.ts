import type { WorldConfig } from './config.ts'
import type { Cores } from './cores.ts'
import { replay } from './walk.ts'
import type { Walk } from './walk.ts'

interface Candidate {
  readonly trace: readonly number[]
  readonly restSeed: number | undefined
}

/** What went wrong in a walk, how to repeat it, and the shortest way there. */
export function explain(walk: Walk, cores: Cores): string {
  const { seed, config, world } = walk
  const title = `seed ${seed}: ${world.violation}\n${JSON.stringify(config)}`
  return `${title}\n${shrink(walk, cores)}`
}

/** Leaves steps out of a walk as long as the same rule is broken, and tells what remains, line by line. */
export function shrink({ config, trace, restSeed, world }: Walk, cores: Cores): string {
  const rule = ruleOf(world.violation)
  const violates = (steps: readonly number[], seeds: readonly (number | undefined)[]): Candidate | undefined =>
    findViolation(config, cores, rule, steps, seeds)
  let best = violates(trace, [undefined, restSeed]) ?? { trace, restSeed }
  for (let size = Math.max(1, best.trace.length >> 1); size >= 1;) {
    let shorter = false
    for (let i = 0; i < best.trace.length; i += size) {
      const rest = best.trace.slice(0, i).concat(best.trace.slice(i + size))
      const found = violates(rest, [undefined, restSeed])
      if (found === undefined || found.trace.length >= best.trace.length) continue
      best = found
      shorter = true
      i -= size
    }
    if (!shorter) size >>= 1
  }
  return replay(config, cores, best.trace, best.restSeed, true).world.lines.join('\n')
}

function findViolation(
  config: WorldConfig,
  cores: Cores,
  rule: string,
  steps: readonly number[],
  seeds: readonly (number | undefined)[],
): Candidate | undefined {
  for (const restSeed of seeds) {
    const { world, played } = replay(config, cores, steps, restSeed)
    if (world.violation !== undefined && ruleOf(world.violation) === rule) return { trace: played, restSeed }
  }
  return undefined
}

function ruleOf(violation: string | undefined): string {
  return violation?.split(':')[0] ?? ''
}
