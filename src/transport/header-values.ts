import type { HttpRequest } from 'uWebSockets.js'

/** The parts of a header that is a list: it may come several times (RFC 9110, 5.3), and the library does not join them. */
export function headerValues(request: HttpRequest, header: string): readonly string[] {
  const values: string[] = []
  request.forEach((name, value) => {
    if (name === header) values.push(...value.split(','))
  })
  return values.map((value) => value.trim())
}
