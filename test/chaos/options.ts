import { Command, InvalidArgumentError } from 'commander'
import { wholeNumber } from '../../tools/whole-number.ts'
import { leverNames } from './schedule.ts'
import type { LeverName } from './schedule.ts'

export interface Options {
  readonly minutes: number
  readonly nodes: number
  readonly databases: number
  readonly devices: number
  readonly rate: number
  readonly seed: number
  readonly levers: readonly LeverName[]
  readonly short: boolean
}

/** What the command line asks for. Ends the process with a clear line when it cannot be met. */
export function readOptions(argv: readonly string[]): Options {
  return new Command('npm run chaos --')
    .description(
      'Lets many clients write to each other through a cluster of its own, breaks one part of it after the other, and ' +
        'checks that every message that was accepted is displayed, once and in order.',
    )
    .option('--minutes <n>', 'how long faults follow each other; each happens at least once', parseMinutes, 10)
    .option('--nodes <n>', 'node processes', wholeNumber, 3)
    .option('--databases <n>', 'PostgreSQL servers', wholeNumber, 2)
    .option('--devices <n>', 'clients', wholeNumber, 200)
    .option('--rate <n>', 'messages a second, by all together', wholeNumber, 50)
    .option(
      '--seed <n>',
      'who does what, and which fault comes when',
      wholeNumber,
      Math.ceil(Math.random() * 1_000_000),
    )
    .option('--levers <list>', `of ${leverNames.join(',')}`, parseLevers, [...leverNames])
    .option('--short', 'faults and pauses as short as in the tests', false)
    .addHelpText('after', '\nThe exit code is 0 only when nothing was lost, doubled, out of order, or left over.')
    .parse(argv)
    .opts<Options>()
}

function parseMinutes(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && value <= 10_000)) throw new InvalidArgumentError('It must be a number of minutes.')
  return value
}

function parseLevers(text: string): LeverName[] {
  return text.split(',').map((part) => {
    const name = leverNames.find((one) => one === part)
    if (name === undefined) throw new InvalidArgumentError(`There is no lever ${part}.`)
    return name
  })
}
