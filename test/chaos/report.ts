import Table from 'cli-table3'
import type { Latencies } from '../../tools/replay/latencies.ts'
import type { CampaignResult } from './campaign.ts'

/** Of clients that a kill has cut off, so many must be back in so long. */
const BACK_SHARE = 0.99
const BACK_MS = 10_000

/** The table at the end of a campaign, a line for each fault. */
export function renderReport({ record, findings }: CampaignResult): string {
  const counts = record.countFindings(findings)
  const table = new Table({
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...Array.from({ length: 12 }, () => 'right' as const)],
    head: [
      'fault',
      'times',
      'sent',
      '✓',
      'displayed',
      'lost',
      'doubled',
      'disorder',
      'to ✓',
      '✓ to display',
      'recovery',
      'reconnects',
      'p99',
    ],
  })
  for (const phase of record.phases) {
    const found = counts.get(phase)!
    const { name, times, sent, accepted, displayed, longestRecoveryMs, reconnects } = phase
    table.push([
      name,
      times,
      sent,
      accepted,
      displayed,
      found.lost,
      found.duplicated,
      found.outOfOrder,
      seconds(phase.longestToAcceptedMs),
      seconds(phase.longestToDisplayedMs),
      seconds(longestRecoveryMs),
      reconnects.count,
      seconds(reconnects.percentileMs(BACK_SHARE)),
    ])
  }
  return [
    table.toString(),
    'to ✓, ✓ to display: the longest stall, in which its sender or recipient wanted to be online',
    'recovery: from the mended fault until every node is ready and everybody online; reconnects: of lost sessions',
    ...renderVerdicts(record.phases.find(({ name }) => name === 'kill')?.reconnects, findings),
  ].join('\n')
}

function renderVerdicts(kills: Latencies | undefined, findings: CampaignResult['findings']): string[] {
  const kinds = Object.entries(findings) as [string, readonly string[]][]
  const lines = [kinds.map(([kind, ids]) => `${kind} ${ids.length}`).join(', ')]
  const backMs = kills?.percentileMs(BACK_SHARE)
  if (backMs === undefined) return lines
  const verdict = backMs <= BACK_MS ? 'met' : 'missed'
  return [
    ...lines,
    `99 % of the clients of a killed node are back in ${seconds(backMs)} (budget ${seconds(BACK_MS)}: ${verdict})`,
  ]
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '' : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`
}
