import { systemClock } from '../../src/shared/clock.ts'
import type { Clock } from '../../src/shared/clock.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import { createTestDatabase } from './database.ts'
import type { Teardown } from './database.ts'
import { Device } from './device.ts'
import type { ConnectOptions } from './device.ts'
import { createAccount } from './raw-accounts.ts'
import type { RawDevice } from './raw-accounts.ts'
import { HeldBus } from './raw-bus.ts'
import type { ConfigPatch } from './raw-config.ts'
import { startCore } from './raw-core.ts'
import type { TestCore } from './raw-core.ts'

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

/** So many nodes of one database and one bus, in this process. */
export async function startNodes(t: Teardown, count: number, options: TestNodesOptions = {}): Promise<TestNode[]> {
  const databaseUrl = await createTestDatabase(t)
  const hub = new LocalBusHub()
  const nodes: TestNode[] = []
  for (let i = 0; i < count; i++) {
    const bus = new HeldBus(hub.connect(options.requestTimeoutMs ?? PATIENT_MS))
    const clock = options.clocks?.[i] ?? systemClock
    nodes.push({ ...(await startCore(t, { databaseUrl, bus, clock, config: options.config ?? {} })), bus })
  }
  return nodes
}

/** A new user with one device. */
export async function newDevice({ databaseUrl }: TestCore): Promise<RawDevice> {
  return (await createAccount(databaseUrl))[0]!
}

/** A session of the device on this node. */
export function connectTo(node: TestCore, who: RawDevice, options: ConnectOptions = {}): Promise<Device> {
  return Device.connect(node.url, who.token, options)
}
