import { Command, InvalidArgumentError } from 'commander'
import { wholeNumber } from '../../tools/whole-number.ts'
import { attackers } from './attackers/index.ts'

export interface Options {
  readonly only: readonly string[]
  readonly seconds?: number
  readonly short: boolean
  readonly cluster: boolean
  readonly seed: number
  readonly list: boolean
  readonly markdown: boolean
  /** Sequences; undefined: attackers attack. */
  readonly fuzz?: number
}

/** What the command line asks for. Ends the process with a clear line when it cannot be met. */
export function readOptions(argv: readonly string[]): Options {
  return new Command('npm run hostile --')
    .description(
      'Lets one attacker after the other attack a node that has a small heap and few files, while others want to talk, ' +
        'and compares what each of them reaches with its budget.',
    )
    .option('--only <list>', 'these attackers, by their names', parseNames, [])
    .option('--seconds <n>', 'how long each attacks: 60, with --short 5', wholeNumber)
    .option('--short', 'shorter attacks', false)
    .option('--cluster', 'two nodes behind haproxy instead of one', false)
    .option('--seed <n>', 'what is drawn at random', wholeNumber, Math.ceil(Math.random() * 1_000_000))
    .option('--fuzz <n>', 'only: so many random sequences of frames and requests, against one node', wholeNumber)
    .option('--markdown', 'print the table in Markdown, as it stands in docs/hostile.md', false)
    .option('--list', 'say what each attacker does, and end', false)
    .addHelpText('after', '\nThe exit code is 0 only when every attacker was borne within its budget.')
    .parse(argv)
    .opts<Options>()
}

function parseNames(text: string): string[] {
  const names = text.split(',')
  const unknown = names.find((name) => attackers.every((one) => one.name !== name))
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no attacker ${unknown}: see --list.`)
  return names
}
