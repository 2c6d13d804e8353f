import type { TestServer } from './server.ts'

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export interface RequestOptions {
  readonly method?: string
  readonly token?: string
  /** Sent as JSON; a string as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A request with `fetch`, and its answer: parsed when it is JSON. */
export async function call<Body = Record<string, unknown>>(
  url: string,
  { method, token, body, headers }: RequestOptions = {},
): Promise<Answer<Body>> {
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body }
}

export interface TestAccount {
  /** Without "+". */
  readonly user: string
  readonly device: number
  readonly token: string
}

let phones = 0

/** A phone number that no other test of this file has. */
export function newPhone(): string {
  return `+1555${String(++phones).padStart(7, '0')}`
}

/** Registers a phone number, as a person would. */
export async function register(
  server: Pick<TestServer, 'url' | 'sms'>,
  phone = newPhone(),
  more: Readonly<Record<string, unknown>> = {},
): Promise<TestAccount> {
  await call(`${server.url}/v1/registrations`, { body: { phone } })
  const code = server.sms.codeFor(phone)
  const answer = await call<TestAccount>(`${server.url}/v1/registrations/verify`, { body: { phone, code, ...more } })
  if (answer.status !== 201) throw new Error(`Registering ${phone} failed: ${JSON.stringify(answer.body)}`)
  return answer.body
}
