import type { Report } from './parse.ts'

interface Thresholds {
  readonly connections: number
  readonly sends: number
}

interface Related {
  readonly http: { readonly maxBodyBytes: number }
  readonly accounts: { readonly maxBackupBytes: number }
  readonly bodies: { readonly maxBytes: number }
  readonly backups: { readonly maxBytes: number }
  readonly gateway: {
    readonly maxMessageBytes: number
    readonly maxPayloadBytes: number
    readonly maxBackpressureBytes: number
  }
  readonly mailbox: { readonly windowBytes: number; readonly inboxBytes: number }
  readonly journal: { readonly bufferBytes: number; readonly receiptDelayMs: number }
  readonly overload: Readonly<Record<'eventLoopDelayMs' | 'journalAgeMs' | 'journalFill', Thresholds>>
  readonly bus: {
    readonly requestTimeoutMs: number
    readonly probeIntervalMs: number
    readonly probeTimeoutMs: number
  }
  readonly presence: { readonly heartbeatMs: number; readonly silentMs: number }
}

/** What must hold between settings, whoever changes one of them. */
export function checkRelations(config: Related, report: Report): void {
  const { gateway, mailbox, journal, bus, overload } = config
  const rules: readonly [boolean, string][] = [
    [gateway.maxMessageBytes > gateway.maxPayloadBytes, 'gateway.maxMessageBytes must hold at least one payload'],
    [
      gateway.maxBackpressureBytes > mailbox.windowBytes,
      'gateway.maxBackpressureBytes must exceed mailbox.windowBytes, else a full window closes its session',
    ],
    [config.bodies.maxBytes >= config.http.maxBodyBytes, 'bodies.maxBytes must hold at least one body'],
    [config.backups.maxBytes >= config.accounts.maxBackupBytes, 'backups.maxBytes must hold at least one backup'],
    [mailbox.inboxBytes >= gateway.maxMessageBytes, 'mailbox.inboxBytes must hold at least one WebSocket message'],
    [journal.bufferBytes >= mailbox.inboxBytes, 'journal.bufferBytes must be at least mailbox.inboxBytes'],
    ...(['eventLoopDelayMs', 'journalAgeMs', 'journalFill'] as const).map((name): [boolean, string] => {
      const { connections, sends } = overload[name]
      return [connections > 0 && connections <= sends, `overload.${name}.connections must be above 0, at most .sends`]
    }),
    [overload.journalFill.sends <= 1, 'overload.journalFill.sends must be at most 1'],
    [
      config.presence.silentMs >= 2 * config.presence.heartbeatMs,
      'presence.silentMs must be at least twice presence.heartbeatMs',
    ],
    [bus.probeIntervalMs <= bus.probeTimeoutMs, 'bus.probeIntervalMs must be at most bus.probeTimeoutMs'],
    [journal.receiptDelayMs < bus.requestTimeoutMs, 'journal.receiptDelayMs must be below bus.requestTimeoutMs'],
  ]
  for (const [holds, line] of rules) if (!holds) report(line)
}
