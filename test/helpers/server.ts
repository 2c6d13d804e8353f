import type { TestFn } from 'ava'
import { pino } from 'pino'
import { type Config, parseConfig } from '../../config/config.ts'
import type { Env } from '../../config/env.ts'
import { defaultLimits } from '../../config/limits.ts'
import { Node, type NodeOverrides } from '../../src/api/node.ts'
import type { SmsSender } from '../../src/api/sms-sender.ts'
import { createTestDatabase, type Teardown } from './database.ts'

/** Keeps what it was given. */
export class TestSms implements SmsSender {
  readonly sent: { to: string; text: string }[] = []
  /** While set, no message is taken. */
  failing = false

  send(to: string, text: string): Promise<void> {
    if (this.failing) return Promise.reject(new Error('The gateway is away'))
    this.sent.push({ to, text })
    return Promise.resolve()
  }

  /** The last code that went to the phone number. */
  codeFor(phone: string): string {
    const message = this.sent.findLast(({ to }) => to === phone)
    const code = /\d{6}/.exec(message?.text ?? '')?.[0]
    if (code === undefined) throw new Error(`No code went to ${phone}`)
    return code
  }
}

/** Limits of which no test takes notice. */
export const UNLIMITED = JSON.stringify(
  Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, { burst: 1e9, perSecond: 1e9 }])),
)

/** Nodes under test can hold keys of devices. */
const TEST_MASTER_KEY = 'ab'.repeat(32)

const NEVER_MS = { connections: 60_000, sends: 60_000 }

/** Nodes under test share their process with clients and with each other, and their machine with other tests. */
export const PATIENT: Partial<Config['overload']> = {
  eventLoopDelayMs: NEVER_MS,
  journalAgeMs: NEVER_MS,
  journalFill: { connections: 1, sends: 1 },
}

export interface TestServer {
  readonly node: Node
  /** Without a slash at its end. */
  readonly url: string
  readonly sms: TestSms
  readonly databaseUrl: string
}

export interface TestServerOptions {
  readonly env?: Env
  /** Changes what no variable sets. */
  readonly change?: (config: Config) => Config
  /** Of an existing database; else a new one. */
  readonly databaseUrl?: string
  readonly overrides?: NodeOverrides
}

/** A whole node on a port of its own, with a database of its own; both go with the test. */
export async function startServer(t: Teardown, options: TestServerOptions = {}): Promise<TestServer> {
  const databaseUrl = options.databaseUrl ?? (await createTestDatabase(t))
  const sms = new TestSms()
  const defaults = parseConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    NODE_NAME: 'test',
    DATABASE_URLS: databaseUrl,
    LIMITS: UNLIMITED,
    MASTER_KEY: TEST_MASTER_KEY,
    ...options.env,
  })
  const config = { ...defaults, overload: { ...defaults.overload, ...PATIENT } }
  const node = Node.create(options.change?.(config) ?? config, {
    logger: pino({ level: 'silent' }),
    sms,
    ...options.overrides,
  })
  await node.start()
  t.teardown(() => node.destroy())
  return { node, url: node.url, sms, databaseUrl }
}

/** One node for all tests of a file, each of which keeps to phone numbers of its own. */
export function shareServer(test: TestFn, options: TestServerOptions = {}): () => TestServer {
  const undo: (() => unknown)[] = []
  let server: TestServer | undefined
  test.before('start a node', async () => {
    server = await startServer({ teardown: (one) => undo.unshift(one) }, options)
  })
  test.after.always('stop the node', async () => {
    for (const one of undo) await one()
  })
  return () => {
    if (server === undefined) throw new Error('The node has not started')
    return server
  }
}
