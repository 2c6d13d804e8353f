import { percentile } from '../bench/statistics.ts'
import type { Outcome } from './trial.ts'

const MiB = 1_048_576
/** Below it a growth says nothing about an attacker: a table grows by pages, and others write too. */
const NOTABLE_BYTES = MiB

/** The figures that are judged. */
export interface Figures {
  readonly liveMaxMs: number
  readonly readyMaxMs: number
  readonly acceptedP50Ms: number
  readonly acceptedP99Ms: number
  readonly heapMiB: number
  /** Bytes of the databases for each byte sent. */
  readonly databaseRatio: number
  readonly answerRatio: number
}

export function figuresOf({ counts, samples, bystanders, databaseBytes }: Outcome): Figures {
  const { sentBytes, answeredBytes } = counts
  return {
    liveMaxMs: Math.max(0, ...samples.liveMs),
    readyMaxMs: Math.max(0, ...samples.readyMs),
    acceptedP50Ms: percentile(bystanders.acceptedMs, 0.5),
    acceptedP99Ms: percentile(bystanders.acceptedMs, 0.99),
    heapMiB: samples.heapBytes / MiB,
    databaseRatio: databaseBytes < NOTABLE_BYTES ? 0 : databaseBytes / sentBytes,
    answerRatio: answeredBytes < NOTABLE_BYTES ? 0 : answeredBytes / sentBytes,
  }
}

/** What an attacker must not reach, whatever the machine: a test may assert it. In words; empty when all holds. */
export function findHarm(outcome: Outcome): string[] {
  const { attacker, counts, bystanders, died, wrecked } = outcome
  const { heapMiB, databaseRatio, answerRatio } = figuresOf(outcome)
  const { budget, refusedBy } = attacker
  const answers = Object.keys(counts.answers)
  return [
    ...(died.length > 0 ? [`a node died${died.length === 1 ? '' : `, ${died.length} times`}`] : []),
    ...(wrecked ? ['the nodes did not become well again'] : []),
    ...(bystanders.lost > 0 ? [`${bystanders.lost} lost`] : []),
    ...(bystanders.unanswered > 0 ? [`${bystanders.unanswered} unanswered`] : []),
    ...counts.broke,
    ...over('heap', heapMiB, budget.heapMiB, 'MiB'),
    ...over('database bytes a byte', databaseRatio, budget.databaseRatio, ''),
    ...over('answer bytes a byte', answerRatio, budget.answerRatio, ''),
    ...answers.filter((answer) => /^500|INTERNAL|close 4000|the attacker failed/.test(answer)),
    ...(refusedBy.length === 0 || refusedBy.some((answer) => answer in counts.answers)
      ? []
      : [`never ${refusedBy.join(' or ')}`]),
  ]
}

/** What it must not cost others in time, and in service. */
export function findDelay(outcome: Outcome): string[] {
  const { attacker, bystanders, samples } = outcome
  const { liveMaxMs, readyMaxMs, acceptedP99Ms } = figuresOf(outcome)
  const { budget } = attacker
  return [
    ...over('/livez', liveMaxMs, budget.healthMs, 'ms'),
    ...over('/readyz', readyMaxMs, budget.healthMs, 'ms'),
    ...over('✓ p99', acceptedP99Ms, budget.acceptedP99Ms, 'ms'),
    ...(samples.nodesDown > 0 ? [`${samples.nodesDown} out of the balancer`] : []),
    ...Object.entries(samples.unhealthy).map(([what, times]) => `${what} ${times} times`),
    ...(bystanders.cutOffs > 0 ? [`others cut off ${bystanders.cutOffs} times`] : []),
    ...(bystanders.putOff > 0 ? [`others put off ${bystanders.putOff} times`] : []),
  ]
}

function over(what: string, value: number, budget: number, unit: string): string[] {
  if (value <= budget) return []
  const digits = budget < 100 ? 1 : 0
  return [`${what} ${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`} > ${budget}`]
}
