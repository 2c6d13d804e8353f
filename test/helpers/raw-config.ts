import { parseConfig } from '../../config/config.ts'
import type { Config } from '../../config/config.ts'
import type { Env } from '../../config/env.ts'
import { UNLIMITED } from './server.ts'

/** What a test wants otherwise than it is. */
export type ConfigPatch = { readonly [Part in keyof Config]?: Partial<Config[Part]> }

/** The configuration of a node under test: what `env` makes of it, then the patch. */
export function testConfig(databaseUrl: string, patch: ConfigPatch = {}, env: Env = {}): Config {
  const base = { HOST: '127.0.0.1', PORT: '0', NODE_NAME: 'test', DATABASE_URLS: databaseUrl, LIMITS: UNLIMITED }
  const config = parseConfig({ ...base, ...env })
  const parts = Object.entries(config).map(([name, part]) => [name, { ...part, ...patch[name as keyof Config] }])
  return Object.fromEntries(parts) as Config
}
