/** Host and database, without user and password: for logs. */
export function databaseName(url: string): string {
  const parsed = new URL(url)
  return `${parsed.searchParams.get('host') ?? parsed.host}${parsed.pathname}`
}
