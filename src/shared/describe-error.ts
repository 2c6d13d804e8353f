/** What may be logged of an error: databases put values of users into details and parameters. */
export function describeError(error: unknown): {
  name: string
  message: string
  stack?: string | undefined
  code?: string
} {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  return { name: error.name, message: error.message, stack: error.stack, ...code }
}
