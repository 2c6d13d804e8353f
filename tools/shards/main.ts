import '../../src/shared/clean-environment.ts'
import { Command } from 'commander'
import { parseConfig } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'
import { StartError } from '../../src/shared/start-error.ts'
import { formatSlots } from '../../src/storage/slot-map.ts'
import { DatabaseSet } from './database-set.ts'
import { SlotMoveError } from '../../src/storage/slot-move.ts'
import { Mover } from './move.ts'
import type { MoveReport } from './move.ts'
import { parseSlots, parseTarget } from './plan.ts'
import { renderStatus } from './status.ts'
import { wholeNumber } from '../whole-number.ts'

const SLOTS_TOGETHER = 8
/** A move has begun, and not ended well. */
let unfinished = false

const program = new Command('npm run shards --').description(
  'Shows and moves slots, the 1,024 parts that users are spread over, between the databases of DATABASE_URLS. ' +
    'Nodes go on meanwhile; every node must have all of these databases in its DATABASE_URLS.',
)

program
  .command('status')
  .description('which database has which slots, and which moves are not finished')
  .action(async () => {
    await withSet(async (set) => {
      process.stdout.write(`${await renderStatus(set)}\n`)
    })
  })

program
  .command('move')
  .description('move slots to a database, or go on with a move that broke off')
  .argument('<slots>', 'one slot, or a range such as 0-511')
  .argument('<to>', 'the database: its place in DATABASE_URLS (1, 2, …), or its host/database')
  .option(
    '--together <slots>',
    'how many slots are copied, frozen and handed over at a time',
    wholeNumber,
    SLOTS_TOGETHER,
  )
  .option('--abort', 'give back what is on its way there instead')
  .action(move)

async function move(
  slotsText: string,
  to: string,
  { together, abort }: { readonly together: number; readonly abort?: true },
): Promise<void> {
  const slots = parseSlots(slotsText)
  await withSet(async (set) => {
    const { names } = await set.view()
    const target = parseTarget(names, to)
    const mover = new Mover(set, target)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => mover.stop())
    if (abort === true) {
      const given = await mover.abort(slots)
      process.stdout.write(
        given.length === 0 ? 'Nothing of it was on its way.\n' : `Gave ${formatSlots(given)} back.\n`,
      )
      return
    }
    unfinished = true
    process.stdout.write(`${describe(await mover.move(slots, together), names[target]!)}\n`)
    unfinished = false
  })
}

function describe({ slots, rows, changes, longestFreezeMs, cleared, ms }: MoveReport, target: string): string {
  const seconds = (one: number): string => `${(one / 1_000).toFixed(1)} s`
  if (slots === 0 && cleared === 0) return `All of it is in ${target} already.`
  return [
    `Moved ${slots} ${slots === 1 ? 'slot' : 'slots'} to ${target} in ${seconds(ms)}:`,
    `${rows} rows copied, and ${changes} changes that came meanwhile;`,
    `no slot was frozen for longer than ${seconds(longestFreezeMs)}; ${cleared} old rows deleted.`,
  ].join(' ')
}

async function withSet(work: (set: DatabaseSet) => Promise<void>): Promise<void> {
  const { databaseUrls } = parseConfig(readEnv()).secrets
  if (databaseUrls === undefined) throw new StartError('Set DATABASE_URLS: an embedded PostgreSQL has all slots')
  const set = await DatabaseSet.open(databaseUrls)
  try {
    await work(set)
  } finally {
    await set.close()
  }
}

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  if (unfinished && !(error instanceof SlotMoveError)) {
    process.stderr.write('The same command goes on with it; --abort gives back what is on its way.\n')
  }
  process.exitCode = 1
}
