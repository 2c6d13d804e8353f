/**
 * What an error of a write means for its rows. SQLSTATE classes: PostgreSQL documentation, appendix A.
 * - `unknown`: the connection was lost, or the server is going: perhaps it was committed, perhaps not
 * - `again`: it surely was not, and the same statement may pass now
 * - `noRoom`: it surely was not, and will not be before somebody makes room
 * - `moved`: it surely was not, because the database does not serve the slot of one of its rows now
 * - `row`: it surely was not, because of what one of its rows holds
 */
export type WriteFailure = 'unknown' | 'again' | 'noRoom' | 'moved' | 'row'

/** SQLSTATE of the guard of slots that are on the move: see `slot-guard.ts`. */
const REFUSED_SLOT = 'PA001'

export function classifyError(error: unknown): WriteFailure {
  const state = sqlState(error)
  if (state === undefined || state.startsWith('08') || state.startsWith('57') || state.startsWith('XX'))
    return 'unknown'
  if (state.startsWith('40') || state === '55P03') return 'again'
  if (state.startsWith('53') || state.startsWith('58') || state === '25006') return 'noRoom'
  if (state === REFUSED_SLOT) return 'moved'
  return 'row'
}

/** Whether the guard of a slot refused a write; the ORM wraps what PostgreSQL said. */
export function isRefusedSlot(error: unknown): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    if ('code' in one && one.code === REFUSED_SLOT) return true
  }
  return false
}

/** The SQLSTATE of an error that PostgreSQL answered with; undefined for all others. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}
