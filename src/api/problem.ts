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

const MAX_ERRORS = 20
/** Of a field in an error. */
const MAX_NAME = 200

/** A request whose fields break the schema. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError'
  readonly errors: readonly FieldError[]

  constructor(where: 'body' | 'query' | 'path', errors: readonly FieldError[]) {
    super(`The ${where} is not as it should be`)
    this.errors = errors.slice(0, MAX_ERRORS)
  }
}

/** What is wrong where; a field that nobody knows is named. */
export function toFieldErrors({ issues }: z.ZodError): readonly FieldError[] {
  return issues.slice(0, MAX_ERRORS).flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ field: issue.path.join('.'), message: issue.message }]
    return issue.keys.map((key) => ({
      field: [...issue.path, key].join('.').slice(0, MAX_NAME),
      message: 'is unknown',
    }))
  })
}
