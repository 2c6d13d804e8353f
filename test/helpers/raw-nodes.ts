import { systemClock } from '../../src/shared/clock.ts'
import type { Clock } from '../../src/shared/clock.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import type { Bus } from '../../src/transport/bus.ts'
import { createTestDatabase } from './database.ts'
import type { Teardown } from './database.ts'
import { Device } from './device.ts'
import type { ConnectOptions } from './device.ts'
import { createAccount } from './raw-accounts.ts'
import type { RawDevice } from './raw-accounts.ts'
import { openNatsBus } from './nats-bus.ts'
import { startNatsServer } from './nats-server.ts'
import { HeldBus } from './raw-bus.ts'
import type { ConfigPatch } from './raw-config.ts'
import { startCore } from './raw-core.ts'
import type { TestCore } from './raw-core.ts'
import { findTool } from './tools.ts'

export interface TestNode extends TestCore {
  readonly bus: HeldBus
}

export interface TestNodesOptions {
  readonly config?: ConfigPatch
  /** One a node; those missing go by the system's. */
  readonly clocks?: readonly Clock[]
  readonly requestTimeoutMs?: number
}

/** Longer than any test waits. */
const PATIENT_MS = 60_000

/** So many nodes of one database, in this process: joined by a real NATS where there is one. */
export async function startNodes(t: Teardown, count: number, options: TestNodesOptions = {}): Promise<TestNode[]> {
  const databaseUrl = await createTestDatabase(t)
  const requestTimeoutMs = options.requestTimeoutMs ?? PATIENT_MS
  const connect = await startBus(t, requestTimeoutMs)
  const nodes: TestNode[] = []
  for (let i = 0; i < count; i++) {
    const bus = new HeldBus(await connect())
    const clock = options.clocks?.[i] ?? systemClock
    nodes.push({ ...(await startCore(t, { databaseUrl, bus, clock, config: options.config ?? {} })), bus })
  }
  return nodes
}

async function startBus(t: Teardown, requestTimeoutMs: number): Promise<() => Promise<Bus> | Bus> {
  if (findTool('nats-server') === undefined) {
    const hub = new LocalBusHub()
    return () => hub.connect(requestTimeoutMs)
  }
  const { url } = await startNatsServer(t)
  return async () => (await openNatsBus(t, url, { requestTimeoutMs })).bus
}

/** A new user with one device. */
export async function newDevice({ databaseUrl }: TestCore): Promise<RawDevice> {
  return (await createAccount(databaseUrl))[0]!
}

/** A session of the device on this node. */
export function connectTo(node: TestCore, who: RawDevice, options: ConnectOptions = {}): Promise<Device> {
  return Device.connect(node.url, who.token, options)
}
