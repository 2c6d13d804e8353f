/** Hosts that are this machine or its own network, where servers seldom have certificates. */
const NEAR = /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[|[^.:]+(:|$))/i

/**
 * The address of a server as people type and copy it, in the one way in which addresses are compared: "localhost:3000",
 * "HTTPS://Chat.Example.org/", "wss://chat.example.org". Undefined: it is none.
 */
export function parseServerUrl(text: string): string | undefined {
  const typed = text.trim()
  const whole = /^[a-z][a-z\d+.-]*:\/\//i.test(typed) ? typed : `${NEAR.test(typed) ? 'http' : 'https'}://${typed}`
  const url = URL.parse(whole.replace(/^ws(s?):/i, 'http$1:'))
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '' || url.username !== '') return undefined
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
