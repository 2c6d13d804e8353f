import type { ExecutionContext } from 'ava'
import { pino } from 'pino'
import type { Env } from '../../config/env.ts'
import { Node } from '../../src/api/node.ts'
import type { NodeOverrides } from '../../src/api/node.ts'
import { createTestDatabase } from './database.ts'
import { testConfig } from './raw-config.ts'
import type { ConfigPatch } from './raw-config.ts'
import { TestSms } from './server.ts'
import type { TestServer } from './server.ts'

export interface TestNodeOptions {
  readonly databaseUrl?: string
  readonly env?: Env
  readonly config?: ConfigPatch
  readonly overrides?: NodeOverrides
}

/** A whole node in this process, with a configuration of the test's own. */
export async function startNode(t: ExecutionContext, options: TestNodeOptions = {}): Promise<TestServer> {
  const databaseUrl = options.databaseUrl ?? (await createTestDatabase(t))
  const sms = new TestSms()
  const config = testConfig(databaseUrl, options.config, options.env)
  const node = Node.create(config, { logger: pino({ level: 'silent' }), sms, ...options.overrides })
  await node.start()
  t.teardown(() => node.destroy())
  return { node, url: node.url, sms, databaseUrl }
}
