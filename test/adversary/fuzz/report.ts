import { mib } from '../../bench/format.ts'
import { usualBudget } from '../attacker.ts'
import type { FuzzResult } from './fuzz.ts'

/** What all sequences together reached that they may not, whatever the machine. In words. */
export function findFuzzHarm({ sentBytes, databaseBytes, heapMiB }: FuzzResult): string[] {
  const ratio = databaseBytes / sentBytes
  return [
    ...(ratio > usualBudget.databaseRatio ? [`the databases grew ${ratio.toFixed(1)} bytes for each byte sent`] : []),
    ...(heapMiB > usualBudget.heapMiB ? [`heap ${Math.round(heapMiB)} MiB > ${usualBudget.heapMiB}`] : []),
  ]
}

export function renderFuzz(result: FuzzResult): string {
  const { findings, sequences, sentBytes, answeredBytes, databaseBytes, cpuSeconds, worstCpu, worstDatabase } = result
  const each = (bytes: number): string => (bytes / sentBytes).toFixed(2)
  return [
    `${sequences} sequences sent ${mib(sentBytes)} and were answered ${mib(answeredBytes)} (${each(answeredBytes)} bytes a byte)`,
    `database: ${mib(databaseBytes)} (${each(databaseBytes)} bytes a byte; at most ${worstDatabase.perByte.toFixed(1)}, seed ${worstDatabase.seed})`,
    `node: ${cpuSeconds.toFixed(1)} s of CPU (${((cpuSeconds * 1e9) / sentBytes).toFixed(0)} ns a byte; at most ${worstCpu.perByte.toFixed(0)}, seed ${worstCpu.seed}), heap ${mib(result.heapMiB * 1_048_576)}, longest delay ${Math.round(result.longestDelayMs)} ms`,
    ...findFuzzHarm(result).map((harm) => `! ${harm}`),
    ...findings.map(
      ({ seed, what, steps }) =>
        `! seed ${seed}: ${what}\n${steps.map((step) => `    ${JSON.stringify(step)}`).join('\n')}`,
    ),
    `${findings.length} findings`,
  ].join('\n')
}
