import { ALL_REPAIRS, NO_FAULTS, roomFor } from './config.ts'
import type { WorldConfig } from './config.ts'
import type { Cores } from './cores.ts'
import { Op, isFault, makeEvent, opOf, xOf } from './events.ts'
import { Random } from './random.ts'
import { comeToRest } from './rest.ts'
import { possibleEvents, possibleFaults } from './schedule.ts'
import { World } from './world.ts'

export interface Walk {
  readonly seed: number
  readonly config: WorldConfig
  readonly world: World
  readonly trace: readonly number[]
  /** What the order of the last steps, when faults have stopped, came from. */
  readonly restSeed: number
}

/** What walks have in common; the rest of its world and manner each draws from its seed. */
export interface WalkKind {
  readonly config?: Partial<WorldConfig>
  readonly slow?: readonly Slow[]
  /** Everybody is connected and live before anything goes wrong. */
  readonly calm?: boolean
}

/** A kind of step that lags: of one node, device or actor, or everywhere. */
export interface Slow {
  readonly op: number
  readonly x?: number
}

/** Draws a world from a seed, then lets things happen in it in an order drawn from the same seed. */
export function walk(seed: number, cores: Cores, kind: WalkKind = {}): Walk {
  const random = new Random(seed)
  const config = { ...drawConfig(random), ...kind.config }
  const world = new World(config, cores)
  const trace: number[] = []
  const faultRate = 0.02 + random.next() * 0.2
  const drawn = random.chance(0.5) ? drawSlow(random) : undefined
  const slow = kind.slow ?? drawn
  if (kind.calm ?? random.chance(0.6)) beginCalmly(world, random, trace)
  const length = trace.length + 20 + random.int(200)
  while (trace.length < length && world.violation === undefined) {
    const event = drawEvent(world, random, faultRate, slow)
    if (event === undefined) break
    trace.push(event)
    world.perform(event)
  }
  const restSeed = random.int(1_000_000_000)
  comeToRest(world, new Random(restSeed))
  return { seed, config, world, trace, restSeed }
}

function drawConfig(random: Random): WorldConfig {
  const upTo = (bound: number) => random.int(bound + 1)
  return {
    nodes: 2 + random.int(2),
    recipients: random.chance(0.25) ? 2 : 1,
    messages: 2 + random.int(4),
    windowEnvelopes: 1 + random.int(3),
    windowBytes: random.chance(0.2) ? 600 : 100_000,
    inFlightEnvelopes: random.chance(0.2) ? 3 : 100,
    inboxBatches: random.chance(0.1) ? 1 : 100,
    bufferBytes: random.chance(0.3) ? 1_600 : 20_000,
    flushRoom: random.chance(0.3) ? { rows: 2, bytes: 500 } : { rows: 100, bytes: 50_000 },
    skew: random.chance(0.5)
      ? [0, 0, 0]
      : random.pick([
          [0, -25, 30],
          [40, 0, -40],
          [25, 0, 0],
        ]),
    locations: random.chance(0.3),
    silentSteps: random.chance(0.3) ? 5 + random.int(40) : 0,
    localWakes: random.chance(0.5),
    expiry: random.chance(0.1),
    dropWaiting: random.chance(0.5),
    deletesFirst: random.chance(0.5),
    carefulReads: random.chance(0.5),
    staleRows: false,
    repairs: ALL_REPAIRS,
    budgets: {
      ...NO_FAULTS,
      move: upTo(3),
      moveSender: upTo(2),
      crash: upTo(2),
      freeze: upTo(2),
      cut: upTo(2),
      timeout: upTo(3),
      unknown: upTo(2),
      refuse: upTo(2),
      fill: upTo(1),
      giveUp: upTo(1),
      overflow: upTo(1),
      poll: upTo(2),
      others: upTo(2),
      stepSystem: random.chance(0.2) ? upTo(2) : 0,
      stepDatabase: random.chance(0.2) ? upTo(3) : 0,
    },
    room: random.chance(0.3) ? roomFor(1 + random.int(6), 1 + random.int(2)) : undefined,
  }
}

const SLOW_OPS = [
  Op.BUS,
  Op.BUS,
  Op.NODE_READS,
  Op.NODE_READS,
  Op.FLUSH,
  Op.WAIT_FLUSH,
  Op.COMMIT,
  Op.FLUSHED,
  Op.SELECT,
  Op.ROWS,
  Op.RECEIPTS,
  Op.SERVER_READS,
  Op.ACKNOWLEDGE,
  Op.CLIENT_READS,
  Op.TURN,
  Op.MEASURED,
]

function drawSlow(random: Random): Slow[] {
  return Array.from({ length: 1 + random.int(3) }, () => {
    const op = random.pick(SLOW_OPS)
    return op === Op.BUS || op === Op.NODE_READS || random.chance(0.3) ? { op, x: random.int(3) } : { op }
  })
}

/** Everybody is connected and live before anything goes wrong. */
function beginCalmly(world: World, random: Random, trace: number[]): void {
  for (const { device } of world.clients) perform(makeEvent(Op.CONNECT, device, random.int(world.config.nodes)))
  for (;;) {
    const event = possibleEvents(world, true).find((event) => opOf(event) !== Op.COMPOSE)
    if (event === undefined) return
    perform(event)
  }
  function perform(event: number): void {
    world.perform(event)
    trace.push(event)
  }
}

function drawEvent(
  world: World,
  random: Random,
  faultRate: number,
  slow: readonly Slow[] | undefined,
): number | undefined {
  if (random.chance(faultRate)) {
    const faults = possibleFaults(world)
    if (faults.length > 0) return random.pick(faults)
  }
  const events = possibleEvents(world, false)
  if (events.length === 0) {
    const faults = possibleFaults(world)
    return faults.length === 0 ? undefined : random.pick(faults)
  }
  if (slow === undefined || random.chance(0.2)) return random.pick(events)
  const quick = events.filter(
    (event) => !slow.some(({ op, x }) => op === opOf(event) && (x === undefined || x === xOf(event))),
  )
  return random.pick(quick.length > 0 ? quick : events)
}

/** Plays those events of a trace that can happen, and comes to rest: with a seed in its order, else in the first order there is. */
export function replay(
  config: WorldConfig,
  cores: Cores,
  trace: readonly number[],
  restSeed: number | undefined,
  verbose = false,
): { world: World; played: number[] } {
  const world = new World(config, cores, verbose)
  const played: number[] = []
  for (const event of trace) {
    if (world.violation !== undefined) break
    const possible = isFault(event) ? possibleFaults(world) : possibleEvents(world, false)
    if (!possible.includes(event)) continue
    world.perform(event)
    played.push(event)
  }
  comeToRest(world, restSeed === undefined ? undefined : new Random(restSeed))
  return { world, played }
}
