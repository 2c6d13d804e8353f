import Table from 'cli-table3'
import { checkSlots, SlotMapError } from '../../src/storage/slot-map.ts'
import type { SlotRow, SlotState } from '../../src/storage/slot-row.ts'
import type { DatabaseSet } from './database-set.ts'
import { shortSlots } from './plan.ts'
import type { SetView } from './plan.ts'

interface Size {
  readonly users: string
  readonly envelopes: string
  readonly bytes: string
}

/** As PostgreSQL estimates them, so that a large database is not read through. */
const SIZE = `
  SELECT pg_database_size(current_database()) AS bytes,
    (SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'users'::regclass) AS users,
    (SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'envelopes'::regclass) AS envelopes`

/** A table of the databases, the moves that are not finished, and what is wrong with the whole. */
export async function renderStatus(set: DatabaseSet): Promise<string> {
  const view = await set.view()
  const sizes: Size[] = []
  for (const { client } of set.ends) sizes.push((await client.query<Size>(SIZE)).rows[0]!)
  const lines = [tableOf(view, sizes), ...unfinished(view), ...wrong(view)]
  return lines.join('\n')
}

function tableOf({ names, slots }: SetView, sizes: readonly Size[]): string {
  const head = ['', 'database', 'slots', 'which', 'users', 'envelopes', 'size']
  const chars = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
  const colAligns = ['right', 'left', 'right', 'left', 'right', 'right', 'right'] as const
  const table = new Table({ head, chars, colAligns: [...colAligns], style: { head: [], border: [] } })
  for (const [i, name] of names.entries()) {
    const served = slotsIn(slots[i]!, 'here', 'copying')
    const { users, envelopes, bytes } = sizes[i]!
    table.push([i + 1, name, served.length, shortSlots(served), `~${users}`, `~${envelopes}`, megabytes(bytes)])
  }
  return table.toString()
}

function unfinished({ names, slots }: SetView): string[] {
  return names.flatMap((name, i) => {
    const rows = slots[i]!
    const say = (state: SlotState, words: string, isMeant: (row: SlotRow) => boolean = () => true): string[] => {
      const byPeer = Map.groupBy(
        rows.filter((row) => row.state === state && isMeant(row)),
        ({ peer }) => peer ?? 'another',
      )
      return [...byPeer].map(
        ([peer, group]) => `${name}: ${words.replace('…', shortSlots(group.map((row) => row.slot)))} ${peer}`,
      )
    }
    return [
      ...say('copying', '… served here, being copied to'),
      ...say('leaving', '… FROZEN, on the way to'),
      ...say('arriving', '… coming from'),
      ...say('away', '… moved, old rows not deleted yet; now in', ({ cleared }) => !cleared),
    ]
  })
}

function wrong({ names, slots }: SetView): string[] {
  try {
    checkSlots(slots, names)
    return []
  } catch (error) {
    if (error instanceof SlotMapError) return [`! ${error.message}`]
    throw error
  }
}

function slotsIn(rows: readonly SlotRow[], ...states: readonly SlotState[]): number[] {
  return rows.filter(({ state }) => states.includes(state)).map(({ slot }) => slot)
}

function megabytes(bytes: string): string {
  return `${(Number(bytes) / 1024 / 1024).toFixed(0)} MiB`
}
