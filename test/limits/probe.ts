import type { Config } from '../../config/config.ts'
import type { LimitName } from '../../config/limits.ts'
import type { Teardown } from '../helpers/database.ts'

/** A limit as `docs/limits.md` names it: a part of the configuration and a name in it, joined by a dot. */
export type LimitPath =
  `limits.${LimitName}` | { [Part in keyof Config]: `${Part}.${keyof Config[Part] & string}` }[keyof Config]

/**
 * Starts what it needs with the limit small enough, goes beyond it, and says what it saw in the words of the table's last
 * column: `close 4501`, `error RATE_LIMITED`, `429 RATE_LIMITED`.
 */
export type Probe = (t: Teardown) => Promise<string>

/** The limits of one area, each with what goes beyond it. */
export type Probes = { readonly [Limit in LimitPath]?: Probe }
