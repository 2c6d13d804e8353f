import type { Report } from './parse.ts'

interface Related {
  readonly http: { readonly maxBodyBytes: number }
  readonly gateway: {
    readonly pingIntervalMs: number
    readonly pongTimeoutMs: number
    readonly maxMessageBytes: number
    readonly maxPayloadBytes: number
    readonly maxBackpressureBytes: number
  }
  readonly mailbox: { readonly windowBytes: number; readonly inboxBytes: number }
  readonly journal: { readonly bufferBytes: number; readonly receiptDelayMs: number }
  readonly bus: {
    readonly requestTimeoutMs: number
  }
}

/** What must hold between settings, whoever changes one of them. */
export function checkRelations(config: Related, report: Report): void {
  const { gateway, mailbox, journal, bus } = config
  const rules: readonly [boolean, string][] = [
    [gateway.maxMessageBytes > gateway.maxPayloadBytes, 'gateway.maxMessageBytes must hold at least one payload'],
    [
      gateway.maxBackpressureBytes > mailbox.windowBytes,
      'gateway.maxBackpressureBytes must exceed mailbox.windowBytes, else a full window closes its session',
    ],
    [gateway.pongTimeoutMs < gateway.pingIntervalMs, 'gateway.pongTimeoutMs must be below gateway.pingIntervalMs'],
    [mailbox.inboxBytes >= gateway.maxMessageBytes, 'mailbox.inboxBytes must hold at least one WebSocket message'],
    [journal.bufferBytes >= mailbox.inboxBytes, 'journal.bufferBytes must be at least mailbox.inboxBytes'],
    [journal.receiptDelayMs < bus.requestTimeoutMs, 'journal.receiptDelayMs must be below bus.requestTimeoutMs'],
  ]
  for (const [holds, line] of rules) if (!holds) report(line)
}
