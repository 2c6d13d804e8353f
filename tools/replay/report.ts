import Table from 'cli-table3'
import { oneLine } from '../chat/text.ts'
import type { Findings } from './checker.ts'
import type { PlayResult } from './player.ts'
import type { Script } from './script.ts'

const COMPACT = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
/** Names shown, at most. */
const MAX_AUTHORS = 12
const NAME_WIDTH = 30

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
  const table = new Table({ colAligns: ['left', 'right'], style: { head: [], border: [] }, chars: COMPACT })
  const seconds = result.durationMs / 1000
  table.push(
    ...describe(script),
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

/** What was read of a chat, in words: a wrong reading shows. */
export function renderScript(script: Script): string {
  const table = new Table({ style: { head: [], border: [] }, chars: COMPACT })
  table.push(...describe(script))
  return table.toString()
}

function describe({ authors, messages, system, skipped }: Script): [name: string, value: string | number][] {
  return [
    ['authors', listOf(authors)],
    ['messages of the chat', messages],
    ['notices of WhatsApp', system],
    ['lines without a message', skipped],
  ]
}

function listOf(authors: readonly string[]): string {
  const shown = authors.slice(0, MAX_AUTHORS).map((author) => oneLine(author, NAME_WIDTH))
  const more = authors.length - shown.length
  return `${authors.length}: ${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

function times(latencies: PlayResult['acceptedMs']): string {
  const [median, high] = [latencies.percentileMs(0.5), latencies.percentileMs(0.99)]
  if (median === undefined || high === undefined) return '-'
  return `${median.toFixed(1)} / ${high.toFixed(1)} ms`
}
