import test from 'ava'
import type { Problem } from '../../src/api/problem.ts'
import { TestClock } from '../helpers/clock.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { shareServer, startServer, type TestServer } from '../helpers/server.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const shared = shareServer(test)

const askForCode = (server: TestServer, phone: unknown) =>
  call<Problem>(`${server.url}/v1/registrations`, { body: { phone } })

const verify = (server: TestServer, phone: string, code: string, more = {}) =>
  call<Problem & { token: string }>(`${server.url}/v1/registrations/verify`, { body: { phone, code, ...more } })

/** A code that is not the one that was sent. */
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

test('a phone number is registered with the code that was sent to it', async (t) => {
  const server = shared()
  const phone = newPhone()
  const asked = await askForCode(server, phone)
  t.is(asked.status, 202)
  t.deepEqual(asked.body as unknown, { expiresInSeconds: 600 })
  t.regex(server.sms.sent.find(({ to }) => to === phone)?.text ?? '', /^\d{6} is your Parley code$/)

  const device = { name: 'Phone', platform: 'Linux' }
  const answer = await verify(server, phone, server.sms.codeFor(phone), { device })
  t.is(answer.status, 201)
  t.like(answer.body, { user: phone.slice(1), device: 1 })
  t.regex(answer.body.token, new RegExp(`^${phone.slice(1)}\\.1\\.[\\w-]{43}$`))
  const me = await call(`${server.url}/v1/me`, { token: answer.body.token })
  t.like(me.body, { user: phone.slice(1), devices: [{ device: 1, ...device, hosted: false }] })
})

test('what is no possible phone number is refused', async (t) => {
  const server = shared()
  const phones = ['+1555', 1555, '+1 555 000 0001', '+0123456789', '+', '', 1.5, null, {}, '+9'.repeat(20)]
  for (const phone of phones) {
    const answer = await askForCode(server, phone)
    t.is(answer.status, 400, String(phone))
    t.is(answer.body.code, 'BAD_REQUEST')
    t.is(answer.body.errors?.[0]?.field, 'phone')
  }
})

test('a phone number is the same with and without its plus sign, and as a number', async (t) => {
  const server = shared()
  const phone = newPhone()
  const headers = { 'idempotency-key': phone }
  for (const [written, replayed] of [
    [phone, null],
    [phone.slice(1), 'true'],
    [Number(phone), 'true'],
  ] as const) {
    const answer = await call(`${server.url}/v1/registrations`, { body: { phone: written }, headers })
    t.is(answer.status, 202, String(written))
    t.is(answer.headers.get('idempotency-replayed'), replayed, String(written))
  }
})

test('possible numbers of many countries pass, also those that are for examples', async (t) => {
  for (const phone of ['+15559999999', '+442079460958', '+4930123456', '+919876543210', '+8613812345678']) {
    t.is((await askForCode(shared(), phone)).status, 202, phone)
  }
})

test('a wrong code is counted, and the fifth ends the registration', async (t) => {
  const server = shared()
  const phone = newPhone()
  await askForCode(server, phone)
  const code = server.sms.codeFor(phone)
  for (const triesLeft of [4, 3, 2, 1, 0]) {
    const answer = await verify(server, phone, wrong(code))
    t.is(answer.status, 403)
    t.is(answer.body.code, 'WRONG_CODE')
    t.deepEqual(answer.body.details, { triesLeft })
  }
  t.is((await verify(server, phone, code)).body.code, 'WRONG_CODE')
  await askForCode(server, phone)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).status, 201)
})

test('a code serves once', async (t) => {
  const server = shared()
  const phone = newPhone()
  await register(server, phone)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).body.code, 'WRONG_CODE')
})

test('a new code ends the one before', async (t) => {
  const server = shared()
  const phone = newPhone()
  await askForCode(server, phone)
  const first = server.sms.codeFor(phone)
  await askForCode(server, phone)
  const second = server.sms.codeFor(phone)
  // Once in a million times they are equal.
  t.is((await verify(server, phone, first)).status, first === second ? 201 : 403)
  t.is((await verify(server, phone, second)).status, first === second ? 403 : 201)
})

test('a code without anybody who asked for one is wrong', async (t) => {
  t.is((await verify(shared(), newPhone(), '123456')).body.code, 'WRONG_CODE')
})

test('of many that give the right code at once, one registers', async (t) => {
  const server = shared()
  const phone = newPhone()
  await askForCode(server, phone)
  const code = server.sms.codeFor(phone)
  const answers = await Promise.all(Array.from({ length: 8 }, () => verify(server, phone, code)))
  const registered = answers.filter(({ status }) => status === 201)
  t.is(registered.length, 1)
  for (const { status, body } of answers) t.true(status === 201 || ['WRONG_CODE', 'OVERLOADED'].includes(body.code))
  t.is((await call(`${server.url}/v1/me`, { token: registered[0]?.body.token ?? '' })).status, 200)
})

test('registering again gives a new token and voids the old one at once', async (t) => {
  const server = shared()
  const phone = newPhone()
  const first = await register(server, phone, { device: { name: 'Old', platform: '' } })
  t.is((await call(`${server.url}/v1/me`, { method: 'PATCH', token: first.token, body: { name: 'Ann' } })).status, 200)
  const second = await register(server, phone, { device: { name: 'New', platform: '' } })
  t.is(second.device, 1)
  t.is((await call<Problem>(`${server.url}/v1/me`, { token: first.token })).body.code, 'UNAUTHENTICATED')
  const me = await call(`${server.url}/v1/me`, { token: second.token })
  t.like(me.body, { name: 'Ann', devices: [{ device: 1, name: 'New' }] })
})

test('a repetition under one Idempotency-Key gets the same token', async (t) => {
  const server = shared()
  const phone = newPhone()
  await askForCode(server, phone)
  const body = { phone, code: server.sms.codeFor(phone) }
  const headers = { 'idempotency-key': 'e3b0c442-98fc-4c14-9afb-f4c8996fb924' }
  const request = () => call<{ token: string }>(`${server.url}/v1/registrations/verify`, { body, headers })
  const answers = [await request(), await request(), ...(await Promise.all([request(), request()]))]
  for (const { status, body: answer } of answers) {
    t.is(status, 201)
    t.deepEqual(answer, answers[0]!.body)
  }
  t.is((await call(`${server.url}/v1/me`, { token: answers[0]!.body.token })).status, 200)
})

test('asking for a code twice under one Idempotency-Key sends one', async (t) => {
  const server = shared()
  const phone = newPhone()
  const request = { body: { phone }, headers: { 'idempotency-key': 'k' } }
  for (let time = 0; time < 2; time++) t.is((await call(`${server.url}/v1/registrations`, request)).status, 202)
  t.is(server.sms.sent.filter(({ to }) => to === phone).length, 1)
})

test('an account with a PIN demands it, and a wrong PIN uses up a try', async (t) => {
  const server = shared()
  const phone = newPhone()
  const { token } = await register(server, phone)
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { pin: '271828' } })
  await askForCode(server, phone)
  const code = server.sms.codeFor(phone)
  const without = await verify(server, phone, code)
  t.is(without.status, 403)
  t.is(without.body.code, 'PIN_REQUIRED')
  t.is(without.body.details, undefined)
  const bad = await verify(server, phone, code, { pin: '111111' })
  t.is(bad.body.code, 'PIN_REQUIRED')
  t.deepEqual(bad.body.details, { triesLeft: 4 })
  t.is((await call(`${server.url}/v1/me`, { token })).status, 200)
  t.is((await verify(server, phone, code, { pin: '271828' })).status, 201)
  t.is((await call(`${server.url}/v1/me`, { token })).status, 401)
})

test('a code expires after ten minutes, and seven days without use lift the PIN', async (t) => {
  const clock = new TestClock()
  const server = await startServer(t, { overrides: { clock } })
  const phone = newPhone()
  const { token } = await register(server, phone)
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { pin: '271828' } })
  clock.advance(7 * DAY - 20 * MINUTE)
  await askForCode(server, phone)
  clock.advance(10 * MINUTE + 1)
  t.is((await verify(server, phone, server.sms.codeFor(phone), { pin: '271828' })).body.code, 'WRONG_CODE')
  await askForCode(server, phone)
  clock.advance(9 * MINUTE)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).body.code, 'PIN_REQUIRED')
  await askForCode(server, phone)
  clock.advance(MINUTE)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).status, 201)
})

test('an SMS sender that fails is told, counts for nothing and leaves the code before in force', async (t) => {
  const limits = JSON.stringify({ registrationPerPhone: { burst: 2, perSecond: 0.001 } })
  const server = await startServer(t, { env: { LIMITS: limits } })
  const phone = newPhone()
  await askForCode(server, phone)
  server.sms.failing = true
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = await askForCode(server, phone)
    t.is(answer.status, 502)
    t.is(answer.body.code, 'SMS_FAILED')
  }
  server.sms.failing = false
  t.is((await verify(server, phone, server.sms.codeFor(phone))).status, 201)
  t.is((await askForCode(server, phone)).status, 202)
  t.is((await askForCode(server, phone)).status, 429)
})

test('codes are limited by phone number and by address, tries too', async (t) => {
  const limits = {
    registrationPerPhone: { burst: 2, perSecond: 0.01 },
    registrationPerAddress: { burst: 4, perSecond: 0.01 },
    verifyPerPhone: { burst: 3, perSecond: 0.01 },
    verifyPerAddress: { burst: 5, perSecond: 0.01 },
  }
  const server = await startServer(t, { env: { LIMITS: JSON.stringify(limits) } })
  const phone = newPhone()
  t.is((await askForCode(server, phone)).status, 202)
  t.is((await askForCode(server, phone)).status, 202)
  const refused = await askForCode(server, phone)
  t.is(refused.status, 429)
  t.is(refused.body.code, 'RATE_LIMITED')
  t.true((refused.body.retryAfterMs ?? 0) > 0)
  t.is(refused.headers.get('retry-after'), String(Math.ceil((refused.body.retryAfterMs ?? 0) / 1_000)))
  t.is((await askForCode(server, newPhone())).status, 202)
  t.is((await askForCode(server, newPhone())).status, 429)

  const statuses = []
  for (let attempt = 0; attempt < 4; attempt++) statuses.push((await verify(server, phone, '000000')).status)
  t.deepEqual(statuses, [403, 403, 403, 429])
  t.is((await verify(server, newPhone(), '000000')).status, 403)
  t.is((await verify(server, newPhone(), '000000')).status, 429)
})

test('fields of the wrong kind are named', async (t) => {
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ code: '12345' }, 'code'],
    [{ code: 123456 }, 'code'],
    [{ device: 'phone' }, 'device'],
    [{ device: { name: 'a\nb' } }, 'device.name'],
    [{ device: { name: 'x'.repeat(65) } }, 'device.name'],
    [{ hosted: 'yes' }, 'hosted'],
    [{ pin: 1234 }, 'pin'],
  ]
  for (const [more, field] of cases) {
    const answer = await verify(shared(), newPhone(), '123456', more)
    t.is(answer.status, 400)
    t.deepEqual(
      answer.body.errors?.map((one) => one.field),
      [field],
    )
  }
})
