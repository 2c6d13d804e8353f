import type { Teardown } from './database.ts'
import { patchConfig } from './raw-config.ts'
import type { ConfigPatch } from './raw-config.ts'
import { startServer } from './server.ts'
import type { TestServer, TestServerOptions } from './server.ts'

/** A whole node in this process, with settings of the test's own. */
export function startNode(
  t: Teardown,
  { config = {}, ...options }: Omit<TestServerOptions, 'change'> & { readonly config?: ConfigPatch } = {},
): Promise<TestServer> {
  return startServer(t, { ...options, change: (defaults) => patchConfig(defaults, config) })
}
