import Table from 'cli-table3'
import type { Findings } from './checker.ts'
import type { PlayResult } from './player.ts'
import type { Script } from './script.ts'

/** Every finding in the words of the table. */
const findingNames: Readonly<Record<keyof Findings, string>> = {
  lost: 'lost',
  duplicated: 'duplicated',
  outOfOrder: 'out of order',
  unsent: 'shown but never sent',
  unaccepted: 'never accepted',
  undelivered: 'shown without ✓✓',
  unread: 'read without the sender knowing',
  movedBack: 'receipts moved back',
  stopped: 'clients stopped for good',
}

/** The table at the end of a run. */
export function renderReport(script: Script, { progress, findings, ...result }: PlayResult): string {
  const chars = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
  const table = new Table({ colAligns: ['left', 'right'], style: { head: [], border: [] }, chars })
  const seconds = result.durationMs / 1000
  table.push(
    ['authors', script.authors.length],
    ['messages of the chat', script.lines.length],
    ['messages sent', progress.sent],
    ['✓ accepted', progress.accepted],
    ['✓✓ delivered', progress.delivered],
    ['read', progress.read],
    ['decrypted as written', result.decrypted],
    ['absences', result.absences],
    ['seconds', seconds.toFixed(1)],
    ['✓ p50 / p99', times(result.acceptedMs)],
    ['✓✓ p50 / p99', times(result.deliveredMs)],
  )
  for (const [key, name] of Object.entries(findingNames)) table.push([name, findings[key as keyof Findings].length])
  return table.toString()
}

function times(latencies: PlayResult['acceptedMs']): string {
  const [median, high] = [latencies.percentileMs(0.5), latencies.percentileMs(0.99)]
  if (median === undefined || high === undefined) return '-'
  return `${median.toFixed(1)} / ${high.toFixed(1)} ms`
}
