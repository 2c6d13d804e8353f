import { check } from 'k6'
import exec from 'k6/execution'
import http, { type Response } from 'k6/http'
import type { Options } from 'k6/options'
import { errors, messagesReceived, messagesSent, p99Below, usersRegistered } from './metrics.ts'
import { requireAccount, seconds, settings } from './settings.ts'

/** Pairs of users with hosted devices, who do one request after the other. Now and then a new user registers. */

const PATIENCE_MS = 60_000
const ROUNDS_PER_REGISTRATION = 10
const { url, codesUrl, firstNewUser, vus, durationMs, p99Ms } = settings

/** The name of a request in figures. */
const routes = [
  'GET /livez',
  'GET /readyz',
  'GET /v1/me',
  'POST /messages',
  'GET /messages',
  'DELETE /messages',
  'POST /v1/registrations',
  'POST /v1/registrations/verify',
] as const

type Route = (typeof routes)[number]

interface RequestOptions {
  readonly token?: string
  readonly body?: object
  /** Idempotency-Key. */
  readonly key?: string
  readonly query?: string
}

export const options: Options = {
  scenarios: {
    http: {
      executor: 'constant-vus',
      vus,
      duration: `${Math.round(durationMs)}ms`,
      gracefulStop: seconds(PATIENCE_MS),
    },
  },
  thresholds: {
    ...Object.fromEntries(routes.map((route) => [`http_req_duration{name:${route}}`, [p99Below(p99Ms)]])),
    messages_received: ['count>0'],
    users_registered: ['count>0'],
    errors: ['rate==0'],
    checks: ['rate==1'],
  },
}

export default function exchange(): void {
  const pair = 2 * (exec.vu.idInTest - 1)
  const [sender, receiver] = [requireAccount(pair), requireAccount(pair + 1)]
  request('GET /livez', 200)
  request('GET /readyz', 200)
  const me = request('GET /v1/me', 200, { token: sender.token })
  check(me, { 'the account is the own one': (answer) => answer.json('user') === String(sender.user) })

  const text = `Hello from ${exec.vu.iterationInScenario}`
  const body = { reciever_ID: String(receiver.user), type: 'text', text }
  const key = crypto.randomUUID()
  request('POST /messages', 201, { token: sender.token, body, key })
  messagesSent.add(1)
  const page = request('GET /messages', 200, { token: receiver.token })
  const texts = page.json('messages.#.text')
  check(page, { 'the message is the only unread one': () => JSON.stringify(texts) === JSON.stringify([text]) })
  messagesReceived.add(Array.isArray(texts) ? texts.length : 0)
  const upTo = String(page.json('cursor'))
  const acknowledged = request('DELETE /messages', 200, { token: receiver.token, query: `?upTo=${upTo}&read=true` })
  check(acknowledged, { 'it is acknowledged': (answer) => answer.json('acknowledged') === 1 })

  if (exec.vu.iterationInScenario % ROUNDS_PER_REGISTRATION === 0) register()
}

function register(): void {
  const phone = `+${firstNewUser + exec.scenario.iterationInTest}`
  request('POST /v1/registrations', 202, { body: { phone } })
  const code = http.get(`${codesUrl}/${phone}`, { tags: { name: 'code' } })
  const answer = request('POST /v1/registrations/verify', 201, { body: { phone, code: code.body, hosted: true } })
  check(answer, { 'the new user has a token': (response) => typeof response.json('token') === 'string' })
  usersRegistered.add(1)
}

function request(route: Route, status: number, { token, body, key, query = '' }: RequestOptions = {}): Response {
  const [method = '', path = ''] = route.split(' ')
  const headers: Record<string, string> = {}
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (key !== undefined) headers['idempotency-key'] = key
  const text = body === undefined ? null : JSON.stringify(body)
  const response = http.request(method, `${url}${path}${query}`, text, { headers, tags: { name: route } })
  const good = check(response, { [`${route} answers ${status}`]: (answer) => answer.status === status })
  errors.add(!good)
  if (!good) console.error(`${route} answered ${response.status}: ${String(response.body)} ${response.error}`)
  return response
}
