import { parseConfig } from '../../config/config.ts'
import type { Config } from '../../config/config.ts'
import { PATIENT, UNLIMITED } from './server.ts'

/** What a test wants otherwise than it is. */
export type ConfigPatch = { readonly [Part in keyof Config]?: Partial<Config[Part]> }

export function patchConfig(config: Config, patch: ConfigPatch): Config {
  const parts = Object.entries(config).map(([name, part]) => [name, { ...part, ...patch[name as keyof Config] }])
  return Object.fromEntries(parts) as Config
}

/** The configuration of a node under test. */
export function testConfig(databaseUrl: string, patch: ConfigPatch = {}): Config {
  const env = { HOST: '127.0.0.1', PORT: '0', NODE_NAME: 'test', DATABASE_URLS: databaseUrl, LIMITS: UNLIMITED }
  return patchConfig(patchConfig(parseConfig(env), { overload: PATIENT }), patch)
}
