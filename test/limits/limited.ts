import type { Env } from '../../config/env.ts'
import type { LimitName, Limits } from '../../config/limits.ts'
import { UNLIMITED } from '../helpers/server.ts'

/** The setting of a node on which one bucket holds only so much, and hardly fills again. */
export function limited(name: LimitName, burst: number, more: Partial<Limits> = {}): { readonly env: Env } {
  const limits = { ...(JSON.parse(UNLIMITED) as object), [name]: { burst, perSecond: 0.001 }, ...more }
  return { env: { LIMITS: JSON.stringify(limits) } }
}
