import type { EventsOptions } from './events-options.ts'
import type { LoadLevel } from './load-signal.ts'
import { Tally } from './tally.ts'

/** What a node refuses because it has too much to do. */
export const SHED = ['connection', 'session', 'send', 'request'] as const

export type Shed = (typeof SHED)[number]

const REFUSED_CONNECTIONS = ['prefix', 'all'] as const

type RefusedConnection = (typeof REFUSED_CONNECTIONS)[number]

/** What a node does about its load. */
export function loadEvents({ logger, registry }: EventsOptions) {
  const shed = new Tally({
    name: 'parley_shed_total',
    help: 'Refused for want of room: WebSocket upgrades, sessions on open WebSockets, sends, and HTTP requests that send',
    label: 'what',
    values: SHED,
    registry,
  })
  const refusedConnections = new Tally({
    name: 'parley_connections_refused_total',
    help: 'Connections that were closed or not upgraded: too many of their address prefix, or of all',
    label: 'why',
    values: REFUSED_CONNECTIONS,
    registry,
  })
  return {
    connectionRefused(why: RefusedConnection): void {
      refusedConnections.add(why)
    },
    /** Most places for connections are taken, or no longer. */
    crowdedChanged(crowded: boolean, open: number, max: number): void {
      logger[crowded ? 'warn' : 'info']({ event: 'crowdedChanged', crowded, open, max })
    },
    shed(what: Shed): void {
      shed.add(what)
    },
    loadChanged(level: LoadLevel, reasons: readonly string[]): void {
      logger[reasons.length === 0 ? 'info' : 'warn']({ event: 'loadChanged', level, reasons })
    },
  }
}
