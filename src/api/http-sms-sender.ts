import type { SmsSender } from './sms-sender.ts'

/** The gateway took the message not. */
export class SmsGatewayError extends Error {
  override readonly name = 'SmsGatewayError'
}

/** Hands each message to a gateway: `POST {"to", "text"}`, taken when the answer is 2xx. */
export class HttpSmsSender implements SmsSender {
  readonly #url: string
  readonly #timeoutMs: number

  constructor(url: string, timeoutMs: number) {
    this.#url = url
    this.#timeoutMs = timeoutMs
  }

  async send(to: string, text: string): Promise<void> {
    const { url, headers } = splitCredentials(this.#url)
    let response: Response
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ to, text }),
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMs),
      })
      await response.body?.cancel()
    } catch (cause) {
      throw new SmsGatewayError('The SMS gateway does not answer', { cause })
    }
    if (!response.ok) throw new SmsGatewayError(`The SMS gateway answered ${response.status}`)
  }
}

/** `fetch` refuses user and password in a URL. */
function splitCredentials(value: string): { url: string; headers: Record<string, string> } {
  const url = new URL(value)
  if (url.username === '' && url.password === '') return { url: value, headers: {} }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } }
}
