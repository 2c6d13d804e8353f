import type { ErrorCode } from '../../proto/error-codes.ts'

/** Why something was not done, in the terms that a client gets it in. */
export interface Refusal {
  readonly code: ErrorCode
  /** For people: one sentence. */
  readonly message: string
  /** When the same may pass, for codes that are temporary. */
  readonly retryAfterMs?: number
  readonly details?: Readonly<Record<string, unknown>>
}

/** A refusal as an error, for code that has nothing else to answer. */
export class RefusalError extends Error implements Refusal {
  override readonly name = 'RefusalError'
  readonly code: ErrorCode
  readonly retryAfterMs?: number
  readonly details?: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, more: Pick<Refusal, 'retryAfterMs' | 'details'> & ErrorOptions = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs
    if (more.details !== undefined) this.details = more.details
  }
}
