import { ConfigError, parseConfig as parse } from '../../config/config.ts'
import type { Config } from '../../config/config.ts'
import type { Env } from '../../config/env.ts'
import { checkRelations } from '../../config/relations.ts'

/**
 * Takes the place of `config/config.ts` before `src/main.ts` in a node under test, so that a test can change settings
 * for which there is no environment variable.
 */
export { ConfigError } from '../../config/config.ts'

/** Settings that differ from the defaults, by section. */
export type Settings = { readonly [Section in keyof Config]?: Partial<Config[Section]> }

/** Environment variable: the {@link Settings} of a node under test, as JSON. */
export const SETTINGS = 'PARLEY_TEST_SETTINGS'

/** @throws ConfigError also when the settings contradict each other */
export function parseConfig(env: Env): Config {
  const settings = JSON.parse(process.env[SETTINGS] ?? '{}') as Settings
  const sections = Object.entries(parse(env)).map(([name, section]) => [
    name,
    { ...section, ...settings[name as keyof Config] },
  ])
  const config = Object.fromEntries(sections) as Config
  const wrong: string[] = []
  checkRelations(config, (line) => wrong.push(line))
  if (wrong.length > 0) throw new ConfigError(wrong)
  return config
}
