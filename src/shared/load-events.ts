import type { EventsOptions } from './events-options.ts'
import type { LoadLevel } from './load-signal.ts'
import { Tally } from './tally.ts'

/** What a node refuses because it has too much to do. */
export const SHED = ['connection', 'session', 'send', 'request'] as const

export type Shed = (typeof SHED)[number]

/** What a node does about its load. */
export function loadEvents({ logger, registry }: EventsOptions) {
  const shed = new Tally({
    name: 'parley_shed_total',
    help: 'Refused for want of room: WebSocket upgrades, sessions on open WebSockets, sends, and HTTP requests that send',
    label: 'what',
    values: SHED,
    registry,
  })
  return {
    shed(what: Shed): void {
      shed.add(what)
    },
    loadChanged(level: LoadLevel, reasons: readonly string[]): void {
      logger[reasons.length === 0 ? 'info' : 'warn']({ event: 'loadChanged', level, reasons })
    },
  }
}
