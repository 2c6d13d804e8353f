import { pick, seededRandom, shuffle } from '../../tools/replay/random.ts'
import type { Victim } from '../faults/postgres-server.ts'
import type { Direction } from '../helpers/tcp-proxy.ts'

export const leverNames = [
  'kill',
  'freeze',
  'cutLink',
  'restartPostgres',
  'killPostgres',
  'stopNats',
  'slowClient',
  'slowLine',
  'wrongClock',
  'fillDisk',
  'reconnectStorm',
  'rollingRestart',
] as const
export type LeverName = (typeof leverNames)[number]

/** Every fault: its lever, and for how many seconds it lasts in a campaign and in the short form of one. */
export const faults = {
  kill: { lever: 'kill', seconds: 5, shortSeconds: 0.5 },
  'kill with an unflushed journal': { lever: 'kill', seconds: 5, shortSeconds: 0.5 },
  freeze: { lever: 'freeze', seconds: 30, shortSeconds: 2 },
  'cutLink node–NATS': { lever: 'cutLink', seconds: 20, shortSeconds: 0.5 },
  'cutLink node–NATS, half-open': { lever: 'cutLink', seconds: 30, shortSeconds: 1.5 },
  'cutLink node–PostgreSQL': { lever: 'cutLink', seconds: 10, shortSeconds: 0.5 },
  'cutLink node–PostgreSQL, half-open': { lever: 'cutLink', seconds: 20, shortSeconds: 1.5 },
  'cutLink client–node': { lever: 'cutLink', seconds: 5, shortSeconds: 0.5 },
  'cutLink client–node, half-open': { lever: 'cutLink', seconds: 30, shortSeconds: 1 },
  restartPostgres: { lever: 'restartPostgres', seconds: 0, shortSeconds: 0 },
  killPostgres: { lever: 'killPostgres', seconds: 0, shortSeconds: 0 },
  'stopNats, restart': { lever: 'stopNats', seconds: 0, shortSeconds: 0 },
  'stopNats, absence': { lever: 'stopNats', seconds: 60, shortSeconds: 2 },
  slowClient: { lever: 'slowClient', seconds: 20, shortSeconds: 2 },
  slowLine: { lever: 'slowLine', seconds: 60, shortSeconds: 3 },
  'wrongClock, a month': { lever: 'wrongClock', seconds: 20, shortSeconds: 1 },
  'wrongClock, ten minutes': { lever: 'wrongClock', seconds: 20, shortSeconds: 1 },
  fillDisk: { lever: 'fillDisk', seconds: 10, shortSeconds: 1 },
  reconnectStorm: { lever: 'reconnectStorm', seconds: 0, shortSeconds: 0 },
  rollingRestart: { lever: 'rollingRestart', seconds: 0, shortSeconds: 0 },
} as const satisfies Record<string, { lever: LeverName; seconds: number; shortSeconds: number }>
export type FaultName = keyof typeof faults

/** One fault that is going to happen, with all that chance has to say about it. */
export interface Step {
  readonly fault: FaultName
  /** Of the nodes and of the databases, from 0. */
  readonly node: number
  readonly database: number
  /** What a half-open link loses. */
  readonly direction: Direction
  /** Of a kill of PostgreSQL. */
  readonly victim: Victim
  readonly seconds: number
}

export interface ScheduleOptions {
  readonly seed: number
  readonly nodes: number
  readonly databases: number
  readonly levers: readonly LeverName[]
  /** Left out, since this machine cannot do them. */
  readonly without?: readonly FaultName[]
  readonly short: boolean
}

/** Endless: every fault of the levers once, in an order of chance, then all of them again. The same for the same seed. */
export function* schedule({ seed, nodes, databases, levers, without = [], short }: ScheduleOptions): Generator<Step> {
  const random = seededRandom(seed)
  const names = Object.keys(faults) as FaultName[]
  const chosen = names.filter((name) => levers.includes(faults[name].lever))
  for (;;) {
    for (const fault of shuffle(random, chosen)) {
      const step: Step = {
        fault,
        node: Math.floor(random() * nodes),
        database: Math.floor(random() * databases),
        direction: pick(random, ['toFar', 'toNear', 'both']),
        victim: pick(random, ['postmaster', 'all', 'backend']),
        seconds: short ? faults[fault].shortSeconds : faults[fault].seconds,
      }
      if (!without.includes(fault)) yield step
    }
    if (chosen.every((name) => without.includes(name))) return
  }
}

/** A round of the {@link schedule}: each fault once. */
export function countOfRound({ levers, without = [] }: Pick<ScheduleOptions, 'levers' | 'without'>): number {
  const names = Object.keys(faults) as FaultName[]
  return names.filter((name) => levers.includes(faults[name].lever) && !without.includes(name)).length
}
