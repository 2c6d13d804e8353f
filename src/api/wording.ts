import type { z } from 'zod'

type Issue = Parameters<z.core.$ZodErrorMap>[0]

const types: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

/** What is wrong with a field, in words for people, where its schema has none of its own. */
export function wordingOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${types[issue.expected] ?? issue.expected}`
    case 'too_big':
      return `must ${amount(issue.origin, Number(issue.maximum))} at most`
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'must not be empty'
        : `must ${amount(issue.origin, Number(issue.minimum))} at least`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'invalid_union':
      return 'must have one of the forms that the description of the API shows'
    default:
      return 'is not written as the description of the API says'
  }
}

function amount(origin: string, count: number): string {
  if (origin === 'string') return `have ${count} ${count === 1 ? 'character' : 'characters'}`
  return origin === 'array' ? `have ${count} ${count === 1 ? 'entry' : 'entries'}` : `be ${count}`
}
