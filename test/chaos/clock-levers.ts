import { waitUntil } from '../helpers/wait-until.ts'
import type { ClusterNode } from './cluster.ts'

type During = () => Promise<void>

export const MONTH_SECONDS = 31 * 24 * 3_600
export const TEN_MINUTES_SECONDS = 10 * 60

/** Sets the system clock of one node ahead, and right again. The node notices both: that it does is part of the fault. */
export async function wrongClock({ process, clock }: ClusterNode, aheadSeconds: number, during: During): Promise<void> {
  if (clock === undefined) throw new Error('No clock can be set here: npm run tools -- --install faketime')
  await clock.set(aheadSeconds)
  try {
    await waitUntil('the node has seen that its clock is wrong', async () => {
      const offset = await process.readMetric('parley_clock_offset_ms{clock="system"}')
      return offset > (aheadSeconds - 1) * 1_000
    })
    await during()
  } finally {
    await clock.set(0)
  }
}
