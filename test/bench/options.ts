import { Command, InvalidArgumentError } from 'commander'
import { wholeNumber } from '../../tools/whole-number.ts'

export interface Options {
  readonly seconds: number
  readonly warmUp: number
  readonly repeat: number
  readonly windows: readonly number[]
  /** Delays of acknowledgements, in ms. */
  readonly acks: readonly number[]
  /** Pairs at immediate acknowledgements. */
  readonly pairs: number
  /** Pairs at delayed ones, one number a window; undefined: see {@link pairsOf}. */
  readonly delayedPairs?: readonly number[]
  readonly payload: number
  readonly generators: number
  /** Two nodes and a nats-server instead of a node alone. */
  readonly cluster: boolean
  readonly idle?: number
  /** Devices a node. */
  readonly connections?: number
  readonly hold: number
  readonly storm?: number
  readonly drain?: number
  readonly terminal?: number
  readonly profile?: string | true
  readonly check: boolean
  readonly json: boolean
}

const DELAYED_PAIRS = 600

/** What the command line asks for. Ends the process with a clear line when it cannot be met. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description("Measures the server's CPU for a message's whole life beside a bare relay, latency, and memory.")
    .option('--seconds <n>', 'measured time of a cell', parseSeconds, 3)
    .option('--warm-up <n>', 'time before it, in seconds', parseSeconds, 1)
    .option('--repeat <n>', 'how often the whole table is run', wholeNumber, 3)
    .option('--windows <list>', 'messages of a pair that are not read yet', parseCounts, [1, 8, 32])
    .option('--acks <list>', '"immediate", or ms from delivery to acknowledgement', parseAcks, [0, 50])
    .option('--pairs <n>', 'pairs with immediate acknowledgements, and of the relay', wholeNumber, 100)
    .option(
      '--delayed-pairs <list>',
      'pairs with delayed ones, for each window; else fewer the larger it is',
      parseCounts,
    )
    .option('--payload <bytes>', 'of a message', wholeNumber, 150)
    .option('--generators <n>', 'processes that make the load', wholeNumber, 1)
    .option('--cluster', 'two nodes joined by NATS, the two ends of each message on different ones', false)
    .option('--idle <n>', 'only: memory of so many idle devices', wholeNumber)
    .option('--connections <n>', 'only: so many devices a node are held, then each gets a message', parseEven)
    .option('--hold <n>', 'how long they are held, in seconds', parseSeconds, 30)
    .option('--storm <n>', 'only: so many devices are cut off at once and come back', wholeNumber)
    .option('--drain <n>', 'only: a mailbox of so many envelopes is fetched', wholeNumber)
    .option('--terminal <n>', 'only: a frame of the terminal client with so many messages in the chat', wholeNumber)
    .option('--profile [folder]', 'take a CPU profile of the server and sum it up for each cell')
    .option('--check', 'compare the medians with the budgets; one that is exceeded makes the exit code 1', false)
    .option('--json', 'print the results as JSON', false)
    .parse(argv)
  const options = command.opts<Options>()
  if (options.cluster && options.drain !== undefined) command.error('error: --drain is measured on a node alone')
  if (
    options.terminal !== undefined &&
    [options.idle, options.connections, options.storm, options.drain].some((n) => n !== undefined)
  ) {
    command.error('error: --terminal needs no server, and goes with none of the others')
  }
  if (options.delayedPairs !== undefined && options.delayedPairs.length !== options.windows.length) {
    command.error('error: --delayed-pairs must have as many numbers as --windows')
  }
  return options
}

/**
 * How many pairs take part in a load with delayed acknowledgements: as many as keep two slow cores busy without filling
 * them, since their rate follows from the delay.
 */
export function pairsOf({ pairs, delayedPairs, windows }: Options, ackDelayMs: number, window: number): number {
  if (ackDelayMs === 0) return pairs
  return delayedPairs?.[windows.indexOf(window)] ?? Math.ceil(DELAYED_PAIRS / window ** 0.75)
}

function parseSeconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 3_600)) throw new InvalidArgumentError('It must be a number of seconds.')
  return value
}

function parseEven(text: string): number {
  const value = wholeNumber(text)
  if (value % 2 === 1) throw new InvalidArgumentError('It must be an even number.')
  return value
}

function parseCounts(text: string): number[] {
  return text.split(',').map(wholeNumber)
}

function parseAcks(text: string): number[] {
  return text.split(',').map((part) => (part === 'immediate' ? 0 : wholeNumber(part)))
}
