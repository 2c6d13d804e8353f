import { randomUUID } from 'node:crypto'
import { NatsBus } from '../../src/transport/nats-bus.ts'
import type { BusRequestResult, NatsBusOptions } from '../../src/transport/nats-bus.ts'
import type { Teardown } from './database.ts'

/** What a bus has said of itself. */
export interface BusRecord {
  readonly faults: unknown[]
  readonly lost: string[]
  readonly results: BusRequestResult[]
  connected: number
}

export interface TestBus {
  readonly bus: NatsBus
  readonly record: BusRecord
  readonly node: string
}

/** A node's end of a bus over this server; it is closed with the test. */
export async function openNatsBus(t: Teardown, url: string, options: Partial<NatsBusOptions> = {}): Promise<TestBus> {
  const node = options.node ?? `test-${randomUUID().slice(0, 8)}`
  const record: BusRecord = { faults: [], lost: [], results: [], connected: 0 }
  const bus = new NatsBus(
    {
      node,
      servers: [url],
      requestTimeoutMs: 20_000,
      maxLocations: 1_000,
      probeIntervalMs: 100,
      probeTimeoutMs: 500,
      maxUnconfirmedBytes: 16 * 1024 * 1024,
      ...options,
    },
    {
      busConnected: () => void record.connected++,
      busLost: (reason) => void record.lost.push(reason),
      busFault: (error) => void record.faults.push(error),
      busRequest: (result) => void record.results.push(result),
    },
  )
  t.teardown(() => bus.close())
  await bus.open()
  return { bus, record, node }
}
