import { isPossiblePhoneNumber } from 'libphonenumber-js/min'
import { z } from 'zod'
import { parseUserId, type UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'

/** Control characters and line breaks have no place in names. */
const ONE_LINE = /^\P{Cc}*$/u

/** One line of text, without space around it. */
export function lineSchema(maxLength: number) {
  return z.string().trim().max(maxLength).regex(ONE_LINE, 'must be one line, without control characters')
}

/** A phone number to register: any possible one in E.164, also of ranges that serve in examples. */
export const phoneSchema = z
  .string()
  .regex(/^\+[1-9]\d{1,14}$/, 'must be in E.164: "+", country code and number, digits only')
  .refine((phone) => isPossiblePhoneNumber(phone), 'is not a possible phone number')
  .transform((phone) => parseUserId(phone) as UserId)
  .meta({ examples: ['+15550000001'] })

/** A user in a request: a string or a number, with or without a plus sign. In a query a plus sign arrives as a space. */
export const userSchema = z
  .union([z.string(), z.number()])
  .transform((value, context): UserId => {
    const user = parseUserId(typeof value === 'string' ? value.trim() : value)
    if (user !== undefined) return user
    context.addIssue({ code: 'custom', message: 'must be a user id: a phone number, with or without "+"' })
    return z.NEVER
  })
  .meta({ examples: ['15550000001'] })

/** A user in a path. @throws RefusalError with BAD_REQUEST */
export function requireUser(text: string | undefined): UserId {
  const user = parseUserId(text?.replace(/^%2B/i, '+'))
  if (user === undefined)
    throw new RefusalError('BAD_REQUEST', 'The path names no user: a phone number, with or without "+"')
  return user
}

/** A user in an answer. */
export const userIdSchema = z.string().meta({ examples: ['15550000001'] })

/** A time in an answer: RFC 3339. */
export const timeSchema = z.string().meta({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] })
