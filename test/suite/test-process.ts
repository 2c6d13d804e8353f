import { appendFileSync, readFileSync } from 'node:fs'
import { setSourceMapsSupport } from 'node:module'
import { fileURLToPath } from 'node:url'
import test from 'ava'

/** What AVA loads in the process of each test file. */

/** Environment variable: a file that gets a line with the CPU seconds of each test file and of the processes it started. */
const COSTS = process.env['TEST_COSTS']
const TICKS_PER_SECOND = 100

// AVA asks Node for source maps, which takes time at every import. Types are stripped in place: there is nothing to map.
setSourceMapsSupport(false)

if (COSTS !== undefined) process.on('exit', () => appendFileSync(COSTS, costs()))

function costs(): string {
  const stat = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')
  const [user, system, childrenUser, childrenSystem] = stat
    .slice(11, 15)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND)
  const file = fileURLToPath(test.meta.file)
  return `${[user! + system!, childrenUser! + childrenSystem!].map((seconds) => seconds.toFixed(2)).join('\t')}\t${file}\n`
}
