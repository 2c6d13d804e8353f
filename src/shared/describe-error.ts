/** What may be logged of an error: not the lines after the first, where databases put the values of rows. */
export function describeError(error: unknown): {
  name: string
  message: string
  stack?: string | undefined
  code?: string
} {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '))
  return { name: error.name, message: error.message.split('\n')[0] ?? '', stack: frames?.join('\n'), ...code }
}
