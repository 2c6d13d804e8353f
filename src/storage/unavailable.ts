/** What `pg` says, without a code, of connections that it lost or could not make. */
const LOST = /timeout exceeded when trying to connect|connection terminated|connection error|query read timeout/i

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
])

/**
 * Whether an error says that the database is away, has no room, or does not serve the user now (PA001: see
 * `slot-guard.ts`), so that the same may pass later. SQLSTATE classes:
 * PostgreSQL documentation, appendix A.
 */
export function isUnavailable(error: unknown): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    const code = 'code' in one && typeof one.code === 'string' ? one.code : ''
    if (SYSTEM_CODES.has(code) || /^(08|53|57P|25006|40|PA001)/.test(code) || LOST.test(one.message)) return true
    if (one instanceof AggregateError && one.errors.some((inner) => isUnavailable(inner))) return true
  }
  return false
}
