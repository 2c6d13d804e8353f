import { RefusalError } from '../shared/refusal.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import { InvalidRequestError, toProblem } from './problem.ts'
import type { ApiAnswer } from './route.ts'

const UNAVAILABLE_RETRY_MS = 1_000

/** The answer for whatever a route threw. Only a defect of the server becomes INTERNAL. */
export function errorAnswer(error: unknown): ApiAnswer {
  if (error instanceof InvalidRequestError) {
    return answer(toProblem({ code: 'BAD_REQUEST', message: error.message }, error.errors))
  }
  if (error instanceof RefusalError) return answer(toProblem(error))
  if (isUnavailable(error)) {
    const message = 'The database is away'
    return answer(toProblem({ code: 'UNAVAILABLE', message, retryAfterMs: UNAVAILABLE_RETRY_MS }))
  }
  return answer(toProblem({ code: 'INTERNAL', message: 'The server has a fault; it was logged' }))
}

function answer(problem: ReturnType<typeof toProblem>): ApiAnswer {
  const { status, retryAfterMs } = problem
  return {
    status,
    body: problem,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      // RFC 9110: whole seconds.
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }),
      // RFC 6750.
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
  }
}
