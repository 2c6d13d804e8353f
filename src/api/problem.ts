import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { type ErrorCode, errorCodes } from '../../proto/error-codes.ts'
import type { Refusal } from '../shared/refusal.ts'

/** A field of a request that is wrong. */
const fieldError = z.object({
  field: z.string().describe('Where: a path such as device.name; empty: the body as a whole'),
  message: z.string(),
})

/** A problem document (RFC 9457). `type` is about:blank, since `code` says what it is. */
export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().describe('The phrase of the HTTP status'),
    status: z.int(),
    detail: z.string().describe('For people: what is wrong with this request'),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]).describe('Stable: what programs go by'),
    retryAfterMs: z.int().optional().describe('The same may pass then'),
    errors: z.array(fieldError).optional().describe('With BAD_REQUEST: the fields that are wrong'),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Problem' })

export type Problem = z.infer<typeof problemSchema>
export type FieldError = z.infer<typeof fieldError>

export function toProblem(refusal: Refusal, errors?: readonly FieldError[]): Problem {
  const { status } = errorCodes[refusal.code]
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? '',
    status,
    detail: refusal.message,
    code: refusal.code,
    ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...(refusal.details === undefined ? {} : { details: refusal.details }),
  }
}

/** A request whose fields break the schema. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError'
  readonly errors: readonly FieldError[]

  constructor(where: 'body' | 'query', error: z.ZodError) {
    super(`The ${where} is not as it should be`, { cause: error })
    this.errors = error.issues.slice(0, 20).map(({ path, message }) => ({ field: path.join('.'), message }))
  }
}
