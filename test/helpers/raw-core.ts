import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import uWS from '../../src/transport/uws.ts'
import type { us_listen_socket } from 'uWebSockets.js'
import { Budgets } from '../../src/api/budgets.ts'
import { Limiters } from '../../src/api/limiters.ts'
import { Lookups } from '../../src/api/lookups.ts'
import { Messaging } from '../../src/api/messaging.ts'
import type { MessageCore } from '../../src/actors/message-core.ts'
import { monotonicClock, systemClock } from '../../src/shared/clock.ts'
import type { Clock } from '../../src/shared/clock.ts'
import { createEvents, createRegistry } from '../../src/shared/events.ts'
import type { Events } from '../../src/shared/events.ts'
import { Buckets } from '../../src/storage/buckets.ts'
import { Shards } from '../../src/storage/shards.ts'
import { TokenLookup } from '../../src/storage/token-lookup.ts'
import type { Bus } from '../../src/transport/bus.ts'
import { clientAddressBehind } from '../../src/transport/client-address.ts'
import { ConnectionPlaces } from '../../src/transport/connection-places.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import { createTestDatabase, openDatabase } from './database.ts'
import type { Teardown } from './database.ts'
import { testConfig } from './raw-config.ts'
import type { ConfigPatch } from './raw-config.ts'

export interface TestCoreOptions {
  readonly databaseUrl?: string
  readonly config?: ConfigPatch
  /** Tells the time, and spans. */
  readonly clock?: Clock
  readonly clocksAgree?: () => boolean
  readonly bus?: Bus
  readonly nodeId?: string
}

/** The message part of a node behind a WebSocket gateway of its own: what a test needs to see, within its reach. */
export interface TestCore {
  readonly core: MessageCore
  readonly messaging: Messaging
  readonly url: string
  readonly databaseUrl: string
  /** Rows that the journal has inserted and deleted. */
  readonly written: { appends: number; deletes: number }
  /** Defects and failures, in words. */
  readonly faults: string[]
}

/** Starts a message core. Two of one database, on buses of one hub, are two nodes. */
export async function startCore(t: Teardown, options: TestCoreOptions = {}): Promise<TestCore> {
  const databaseUrl = options.databaseUrl ?? (await createTestDatabase(t))
  const config = testConfig(databaseUrl, options.config)
  const clock = options.clock ?? systemClock
  const written = { appends: 0, deletes: 0 }
  const faults: string[] = []
  const events = recordEvents(written, faults)
  const database = await openDatabase(databaseUrl)
  t.teardown(() => database.close())
  const shards = new Shards([database])
  const bus = options.bus ?? new LocalBusHub().connect(config.bus.requestTimeoutMs)
  t.teardown(() => bus.close())
  const messaging = await Messaging.open({
    nodeId: options.nodeId ?? `test-${randomBytes(4).toString('hex')}`,
    config,
    clock,
    monotonic: options.clock ?? monotonicClock,
    clocksAgree: options.clocksAgree ?? (() => true),
    events,
    shards,
    tokens: new TokenLookup(shards, config.storage),
    limiters: new Limiters(config.limits, clock, events),
    lookups: new Lookups(new Budgets(config.limits, new Buckets(shards, undefined), events), clock, events),
    bus,
    clientAddress: clientAddressBehind([]),
    connections: new ConnectionPlaces(config.connections, events),
  })
  t.teardown(() => messaging.close())
  const app = uWS.App()
  messaging.serve(app)
  t.teardown(() => app.close())
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen('127.0.0.1', 0, resolve)
  })
  if (socket === false) throw new Error('No port is free')
  const url = `http://127.0.0.1:${uWS.us_socket_local_port(socket as never)}`
  return { core: messaging.core, messaging, url, databaseUrl, written, faults }
}

function recordEvents(written: TestCore['written'], faults: string[]): Events {
  const events = createEvents({
    logger: pino({ level: 'silent' }),
    registry: createRegistry(),
    hashUser: (user) => String(user),
  })
  const record = (where: string) => (error: unknown) =>
    void faults.push(`${where}: ${error instanceof Error ? error.message : String(error)}`)
  return {
    ...events,
    flushed: (appends, deletes) => {
      written.appends += appends
      written.deletes += deletes
    },
    actorCrashed: record('actor'),
    flushFailed: record('flush'),
    readFailed: record('read'),
    socketFault: record('socket'),
    defect: (what) => void faults.push(`defect: ${what}`),
    taskFailed: (task, error) => record(task)(error),
  }
}
