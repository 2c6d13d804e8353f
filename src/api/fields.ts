import { isPossiblePhoneNumber } from 'libphonenumber-js/min'
import { z } from 'zod'
import { MAX_USER, parseUserId, type UserId } from '../shared/ids.ts'
import { correction, readPhone } from '../shared/phone-number.ts'

/** Control characters and line breaks have no place in names. */
const ONE_LINE = /^\P{Cc}*$/u
/** The same, and something to see. */
const WRITTEN_LINE = /^\P{Cc}*[^\s\p{Cc}]\P{Cc}*$/u

/** Text of so many characters at most, counted as JSON Schema and PostgreSQL count them: by code points. */
export function textSchema(maxLength: number) {
  return z
    .string()
    .refine((text) => text.length <= maxLength || countCodePoints(text) <= maxLength, {
      message: `must have ${maxLength} characters at most`,
      abort: true,
    })
    .meta({ maxLength })
}

function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** One line of text; the space around it is taken off. */
export function lineSchema(maxLength: number) {
  return textSchema(maxLength)
    .regex(ONE_LINE, 'must be one line, without control characters')
    .transform((text) => text.trim())
}

/** As {@link lineSchema}, but more than space. */
export function writtenLineSchema(maxLength: number) {
  return textSchema(maxLength)
    .regex(WRITTEN_LINE, 'must be one line with something in it, without control characters')
    .transform((text) => text.trim())
}

const USER_MESSAGE = 'must be a user id: a phone number, with or without "+"'
const PHONE_MESSAGE = 'must be in E.164: country code and number, digits only, with or without "+"'

/** What is wrong with a text that is no user: how the number is written, if it is one. */
function orHowWritten(otherwise: string, decode: (text: string) => string = (text) => text) {
  return {
    abort: true,
    error: ({ input }: { input?: unknown }): string => {
      const user = typeof input === 'string' ? readPhone(decode(input)) : undefined
      return user === undefined ? otherwise : `must be +${user}`
    },
  }
}

/** The user, if the number is written in the one way in which it is a user. */
function toCanonicalUser(value: string | number, context: z.RefinementCtx): UserId {
  const user = parseUserId(value) as UserId
  const better = correction(user)
  if (better === undefined) return user
  context.addIssue({ code: 'custom', message: `must be ${better}` })
  return z.NEVER
}

/** A user in a request: a string or a number, with or without a plus sign. */
export const userSchema = z
  .union(
    [
      z
        .string()
        .regex(/^\+?[1-9]\d{0,14}$/, { abort: true })
        .meta({ examples: ['15550000001'], format: 'phone-number' }),
      z.int().min(1).max(MAX_USER).meta({ format: 'phone-number' }),
    ],
    orHowWritten(USER_MESSAGE),
  )
  .transform(toCanonicalUser)

/** A user in a query, where a plus sign may arrive as a space. */
export const queryUserSchema = z
  .string()
  .regex(/^[+ ]?[1-9]\d{0,14}$/, orHowWritten(USER_MESSAGE))
  .meta({ format: 'phone-number' })
  .transform((value, context) => toCanonicalUser(value.trim(), context))

/** A user in a path: one who is nobody is answered so. */
export const pathUserSchema = z
  .string()
  .regex(/^(?:\+|%2[Bb])?[1-9]\d{0,14}$/, orHowWritten(USER_MESSAGE, decodePart))
  .transform((value) => parseUserId(value.replace(/^%2B/i, '+')) as UserId)

/** A part of a path as it was meant. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/**
 * A phone number to register: any possible one in E.164, also of ranges that serve in examples. Which ones are possible is
 * more than a pattern can say.
 */
export const phoneSchema = z
  .union(
    [
      z
        .string()
        .regex(/^\+?[1-9]\d{1,14}$/, { abort: true })
        .meta({ examples: ['+15550000001'], format: 'phone-number' }),
      z.int().min(10).max(MAX_USER).meta({ format: 'phone-number' }),
    ],
    orHowWritten(PHONE_MESSAGE),
  )
  .refine((phone) => isPossiblePhoneNumber(`+${parseUserId(phone)}`), 'is not a possible phone number')
  .transform(toCanonicalUser)

/** A whole number in a query. */
export function queryIntegerSchema(minimum: number, maximum: number) {
  const message = `must be a whole number from ${minimum} to ${maximum}`
  return z
    .string()
    .regex(/^\d{1,10}$/, message)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, message)
    .meta({ type: 'integer', minimum, maximum, pattern: undefined })
}

/** A user in an answer. */
export const userIdSchema = z.string().meta({ examples: ['15550000001'] })

/** A time in an answer: RFC 3339. */
export const timeSchema = z.string().meta({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] })
