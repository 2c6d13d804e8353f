import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import { LOAD_LEVELS } from '../shared/load-signal.ts'
import { MAX_COUNTED } from '../storage/mailbox-statistics.ts'
import type { MailboxStatistics } from '../storage/mailbox-statistics.ts'
import type { Overload } from './overload.ts'

/** What the gauges show: read when somebody asks for the metrics. */
export interface GaugeSources {
  readonly overload: Overload
  readonly bus: { readonly connected: boolean; readonly subscriptions?: number }
  readonly connections: { readonly http: number; readonly max: number }
  readonly residents: { readonly size: number }
  readonly stamps: { readonly aheadMs: number }
  readonly expiry: { readonly open: boolean }
  /** Mailboxes that had no room for somebody in the last minute. */
  fullMailboxes(): number
  /** Of each database that has been looked at, in the order of the shards. */
  readonly mailboxes: readonly (MailboxStatistics | undefined)[]
}

const SHARD = ['shard'] as const

/** The figures of a node that are states and not events. Shards are named by their place, from 1. */
export function registerNodeGauges(registry: Registry, sources: GaugeSources): void {
  const { overload, bus, connections, residents, stamps, expiry, mailboxes } = sources
  const add = (name: string, help: string, read: () => number): void => {
    const gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
    void gauge
  }
  const addSharded = <Item>(name: string, help: string, items: () => readonly Item[], read: (item: Item) => number) => {
    const gauge = new Gauge({
      name,
      help,
      labelNames: SHARD,
      registers: [registry],
      collect() {
        this.reset()
        for (const [shard, item] of items().entries()) this.set({ shard: String(shard + 1) }, read(item))
      },
    })
    void gauge
  }

  add('parley_event_loop_delay_seconds', 'How late timers come: the mean of the last samples, ten a second', () => {
    return overload.eventLoopDelayMs / 1_000
  })
  add(
    'parley_overload_level',
    `What the node refuses: ${LOAD_LEVELS.map((level, i) => `${i} ${level}`).join(', ')}`,
    () => LOAD_LEVELS.indexOf(overload.level),
  )
  add('parley_http_connections', 'Open HTTP connections, idle ones too', () => connections.http)
  add('parley_connections_max', 'Connections that the node takes, HTTP and WebSocket', () => connections.max)
  add('parley_mailbox_actors', 'Connected devices whose mailbox this node holds', () => residents.size)
  add(
    'parley_stamps_ahead_ms',
    'How far stamps are ahead of the clock: much, after it stepped back',
    () => stamps.aheadMs,
  )
  add('parley_expiry_held', '1 while nothing expires, since a clock may be wrong; else 0', () => +!expiry.open)
  add(
    'parley_mailboxes_full',
    'Mailboxes for which this node refused somebody in the last minute, for want of room',
    () => sources.fullMailboxes(),
  )
  add('parley_bus_connected', '1 while other nodes can be reached, or there are none; else 0', () => +bus.connected)

  add(
    'parley_bus_subscriptions',
    'Subjects of the bus that this node hears; 0 without NATS',
    () => bus.subscriptions ?? 0,
  )

  const backlogs = () => overload.backlogs
  addSharded(
    'parley_journal_backlog_seconds',
    'How long the oldest write waits or is under way',
    backlogs,
    (backlog) => {
      return backlog.ageMs / 1_000
    },
  )
  addSharded('parley_journal_buffer_bytes', 'Appends that wait or are being written', backlogs, ({ bytes }) => bytes)
  addSharded('parley_journal_away', '1 while PostgreSQL takes no writes; else 0', backlogs, ({ away }) => +away)

  const known = () => mailboxes.map((one) => one ?? { envelopes: NaN, deepest: NaN, oldestMs: NaN })
  addSharded(
    'parley_mailbox_envelopes',
    "Envelopes stored in the shard: an estimate of PostgreSQL's statistics, looked at once a minute by every node",
    known,
    ({ envelopes }) => envelopes,
  )
  addSharded(
    'parley_mailbox_deepest',
    `Envelopes in the largest mailbox of a random sample once a minute, counted up to ${MAX_COUNTED}`,
    known,
    ({ deepest }) => deepest,
  )
  addSharded(
    'parley_mailbox_oldest_seconds',
    'Age of the oldest envelope of that sample; of all, while the shard has few',
    known,
    ({ oldestMs }) => oldestMs / 1_000,
  )
}
