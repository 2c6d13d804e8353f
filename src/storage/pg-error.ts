/**
 * What an error of a write means for its rows. SQLSTATE classes: PostgreSQL documentation, appendix A.
 * - `unknown`: the connection was lost, or the server is going: perhaps it was committed, perhaps not
 * - `again`: it surely was not, and the same statement may pass now
 * - `noRoom`: it surely was not, and will not be before somebody makes room
 * - `row`: it surely was not, because of what one of its rows holds
 */
export type WriteFailure = 'unknown' | 'again' | 'noRoom' | 'row'

export function classifyError(error: unknown): WriteFailure {
  const state = sqlState(error)
  if (state === undefined || state.startsWith('08') || state.startsWith('57') || state.startsWith('XX'))
    return 'unknown'
  if (state.startsWith('40') || state === '55P03') return 'again'
  if (state.startsWith('53') || state.startsWith('58') || state === '25006') return 'noRoom'
  return 'row'
}

/** The SQLSTATE of an error that PostgreSQL answered with; undefined for all others. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}
