import { Command } from 'commander'

export interface Options {
  /** Long forms only, with their full counts. */
  readonly long: boolean
  /** The revision against which to look what a change touches. */
  readonly changed: string | undefined
  /** For AVA. */
  readonly rest: readonly string[]
}

/** Reads the arguments of `npm test --`; what is not known is AVA's. */
export function readOptions(args: readonly string[]): Options {
  const command = new Command('npm test --')
    .description('Runs the tests beside a PostgreSQL of their own. Files and all other options are those of AVA.')
    .option('--changed [revision]', 'only what differs from a revision touches; alone: what is not committed')
    .option('--long', 'only tests with a long form, in that form')
    .allowUnknownOption()
    .allowExcessArguments()
    .parse(args, { from: 'user' })
  const { changed, long = false } = command.opts<{ changed?: string | true; long?: boolean }>()
  return { long, changed: changed === true ? 'HEAD' : changed, rest: command.args }
}
