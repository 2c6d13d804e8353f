import test from 'ava'
import { pino } from 'pino'
import type { Problem } from '../../src/api/problem.ts'
import { BEHIND_PROXY, callFrom } from '../helpers/call-from.ts'
import { turnDatabaseClock } from '../helpers/database.ts'
import { queryDatabase } from '../helpers/database.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { shareServer, startServer, type TestServer, UNLIMITED } from '../helpers/server.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const shared = shareServer(test)

type Asked = Problem & { session: string; expiresInSeconds: number }

const askForCode = (server: TestServer, phone: unknown, more = {}) =>
  call<Asked>(`${server.url}/v1/registrations`, { body: { phone, ...more } })

const verify = (server: TestServer, phone: string, code: string, more = {}) =>
  call<Problem & { token: string }>(`${server.url}/v1/registrations/verify`, { body: { phone, code, ...more } })

/** A code that is not the one that was sent. */
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

test('a phone number is registered with the code that was sent to it', async (t) => {
  const server = shared()
  const phone = newPhone()
  const asked = await askForCode(server, phone)
  t.is(asked.status, 202)
  t.is(asked.body.expiresInSeconds, 600)
  t.regex(asked.body.session, /^[\w-]{22}$/)
  t.regex(server.sms.sent.find(({ to }) => to === phone)?.text ?? '', /^\d{6} is your Parley code$/)

  const device = { name: 'Phone', platform: 'Linux' }
  const answer = await verify(server, phone, server.sms.codeFor(phone), { device })
  t.is(answer.status, 201)
  t.like(answer.body, { user: phone.slice(1), device: 1 })
  t.regex(answer.body.token, /^p[\w-]{59}$/)
  t.false(answer.body.token.includes(phone.slice(1)))
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

test('a phone number is taken in the one way in which it is a user; other ways are refused, with the right one', async (t) => {
  for (const [written, right] of [
    ['+4407911123456', '+447911123456'],
    [4_407_911_123_456, '+447911123456'],
    ['54111523456789', '+5491123456789'],
    ['+330612345678', '+33612345678'],
  ] as const) {
    const answer = await askForCode(shared(), written)
    t.is(answer.status, 400, String(written))
    t.true(answer.body.errors?.[0]?.message.includes(`must be ${right}, not`), JSON.stringify(answer.body))
  }
})

for (const copied of [
  '+44 7911 123456',
  'tel:+44 (0)7911-123456',
  '0044 7911 123456',
  '\u{2068}+44\u{2011}7911 123456\u{2069}',
  '+۴۴۷۹۱۱۱۲۳۴۵۶',
]) {
  test(`wherever "${copied}" is given as a user, the answer says how it is written`, async (t) => {
    const { url, sms } = shared()
    const { token } = await register({ url, sms })
    const inUrl = encodeURIComponent(copied)
    const answers = await Promise.all([
      call<Problem>(`${url}/v1/registrations`, { body: { phone: copied } }),
      call<Problem>(`${url}/v1/registrations/verify`, { body: { phone: copied, code: '123456' } }),
      call<Problem>(`${url}/v1/contacts`, { method: 'PUT', token, body: { users: ['15550000001', copied] } }),
      call<Problem>(`${url}/messages`, { token, body: { reciever_ID: copied, text: 'Hello' } }),
      call<Problem>(`${url}/messages?user_Id=${inUrl}`, { token }),
      call<Problem>(`${url}/v1/devices/${inUrl}`, { token }),
    ])
    for (const { status, body } of answers) {
      t.is(status, 400, JSON.stringify(body))
      t.is(body.errors?.[0]?.message, 'must be +447911123456', JSON.stringify(body))
    }
  })
}

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

test('a wrong code is counted on its session, and the fifth ends that one', async (t) => {
  const server = shared()
  const phone = newPhone()
  const { session } = (await askForCode(server, phone)).body
  const code = server.sms.codeFor(phone)
  for (const triesLeft of [4, 3, 2, 1, 0]) {
    const answer = await verify(server, phone, wrong(code), { session })
    t.is(answer.status, 403)
    t.is(answer.body.code, 'WRONG_CODE')
    t.deepEqual(answer.body.details, { triesLeft })
  }
  t.is((await verify(server, phone, code, { session })).body.code, 'WRONG_CODE')
  const next = await askForCode(server, phone)
  const { session: another } = next.body
  t.is((await verify(server, phone, server.sms.codeFor(phone), { session: another })).status, 201)
})

test('a code serves once', async (t) => {
  const server = shared()
  const phone = newPhone()
  await register(server, phone)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).body.code, 'WRONG_CODE')
})

test('asking again leaves the code before in force, with and without its session', async (t) => {
  const server = shared()
  for (const withSession of [true, false]) {
    const phone = newPhone()
    const { session } = (await askForCode(server, phone)).body
    const first = server.sms.codeFor(phone)
    await askForCode(server, phone)
    await askForCode(server, phone)
    t.is((await verify(server, phone, first, withSession ? { session } : {})).status, 201)
    t.is((await verify(server, phone, server.sms.codeFor(phone))).body.code, 'WRONG_CODE', 'the others are over')
  }
})

test.serial('wrong codes of others for a number lock nobody out who has a session', async (t) => {
  const server = await startServer(t, { env: { LIMITS: '' } })
  const phone = newPhone()
  const { session } = (await askForCode(server, phone)).body
  const code = server.sms.codeFor(phone)
  const others = (await askForCode(server, phone)).body.session
  const statuses = new Set<number>()
  for (let attempt = 0; attempt < 12; attempt++) statuses.add((await verify(server, phone, wrong(code))).status)
  for (let attempt = 0; attempt < 6; attempt++) {
    statuses.add((await verify(server, phone, wrong(code), { session: others })).status)
  }
  t.deepEqual([...statuses], [403, 429])
  t.is((await verify(server, phone, code)).status, 429, 'without the session the number has a limit')
  t.is((await verify(server, phone, code, { session })).status, 201)
})

test.serial('when no more codes may go to a number, who asks shares the newest that came', async (t) => {
  const limits = { ...(JSON.parse(UNLIMITED) as object), registrationPerPhone: { burst: 5, perSecond: 1e-6 } }
  const server = await startServer(t, { env: { LIMITS: JSON.stringify(limits) } })
  const phone = newPhone()
  for (let time = 0; time < 5; time++) await askForCode(server, phone)
  const code = server.sms.codeFor(phone)
  await turnDatabaseClock(server.databaseUrl, MINUTE)
  const asked = await askForCode(server, phone)
  t.is(asked.status, 202)
  t.true(asked.body.expiresInSeconds <= 540)
  t.is(server.sms.sent.filter(({ to }) => to === phone).length, 5, 'nothing more was sent')
  const { session } = asked.body
  t.is((await verify(server, phone, wrong(code), { session })).status, 403)
  t.is((await verify(server, phone, code, { session })).status, 201)

  // Where the phone has none, it waits, and asking has cost it nothing.
  const refused = await askForCode(server, phone)
  t.is(refused.status, 429)
  t.regex(refused.body.detail, /limit registrationPerPhone/)
})

test.serial('one network cannot use up the codes of a number', async (t) => {
  const server = await startServer(t, { env: { LIMITS: '', ...BEHIND_PROXY } })
  const phone = newPhone()
  const askFrom = async (address: string) =>
    (await callFrom(address, `${server.url}/v1/registrations`, { phone })).status
  const attacker: number[] = []
  // One customer of a provider, with as many networks as that gives.
  for (let network = 0; network < 8; network++) attacker.push(await askFrom(`2001:db8:7:${network}00::1`))
  t.deepEqual(attacker, [202, 202, 202, 202, 202, 202, 429, 429])
  t.is(await askFrom('198.51.100.1'), 202)
  t.is(server.sms.sent.filter(({ to }) => to === phone).length, 7)
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

test('an account with a PIN demands it, and a wrong PIN uses up a try of the session', async (t) => {
  const server = shared()
  const phone = newPhone()
  const { token } = await register(server, phone)
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { pin: '271828' } })
  const { session } = (await askForCode(server, phone)).body
  const code = server.sms.codeFor(phone)
  const without = await verify(server, phone, code, { session })
  t.is(without.status, 403)
  t.is(without.body.code, 'PIN_REQUIRED')
  t.is(without.body.details, undefined)
  const bad = await verify(server, phone, code, { pin: '111111', session })
  t.is(bad.body.code, 'PIN_REQUIRED')
  t.deepEqual(bad.body.details, { triesLeft: 4 })
  t.is((await call(`${server.url}/v1/me`, { token })).status, 200)
  t.is((await verify(server, phone, code, { pin: '271828', session })).status, 201)
  t.is((await call(`${server.url}/v1/me`, { token })).status, 401)
})

test('many PINs at a time are no more than the tries of the session, and leave the owner theirs', async (t) => {
  const server = shared()
  const phone = newPhone()
  const { token } = await register(server, phone)
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { pin: '271828' } })
  const stranger = (await askForCode(server, phone)).body
  const stolen = server.sms.codeFor(phone)
  const guesses = Array.from({ length: 12 }, (_, guess) => String(100_000 + guess))
  const answers = await Promise.all(
    guesses.map((pin) => verify(server, phone, stolen, { pin, session: stranger.session })),
  )
  const tried = answers.filter(({ body }) => body.code === 'PIN_REQUIRED').length
  t.is(tried, 5)
  t.is(answers.filter(({ body }) => body.code === 'WRONG_CODE').length, 7)
  const { session } = (await askForCode(server, phone)).body
  t.is((await verify(server, phone, server.sms.codeFor(phone), { pin: '271828', session })).status, 201)
})

test('a backup that is not there gives the code back, and the device before stays', async (t) => {
  const server = shared()
  const phone = newPhone()
  const { token } = await register(server, phone)
  const { session } = (await askForCode(server, phone)).body
  const code = server.sms.codeFor(phone)
  const backupId = Buffer.alloc(16, 7).toString('base64')
  const answer = await verify(server, phone, code, { session, backupId })
  t.is(answer.status, 404)
  t.is(answer.body.code, 'NOT_FOUND')
  t.is((await call(`${server.url}/v1/me`, { token })).status, 200)
  t.is((await verify(server, phone, code, { session })).status, 201)
})

test('what this server does not know of registration is refused by name', async (t) => {
  const server = shared()
  const phone = newPhone()
  const byEmail = await askForCode(server, phone, { via: 'email' })
  t.is(byEmail.status, 400)
  t.deepEqual(byEmail.body.errors, [{ field: 'via', message: 'this server sends codes by "sms" alone' }])
  t.is((await askForCode(server, phone, { via: 'sms' })).status, 202)
  const invited = await verify(server, phone, server.sms.codeFor(phone), { invitation: 'x' })
  t.is(invited.status, 400)
  t.is(invited.body.errors?.[0]?.field, 'invitation')
})

test('a code that a node of the version before sent, or has seen used, counts the same here', async (t) => {
  const server = shared()
  const phone = newPhone()
  const user = phone.slice(1)
  await askForCode(server, phone)
  const code = server.sms.codeFor(phone)
  await queryDatabase(server.databaseUrl, 'DELETE FROM askings WHERE user_id = $1', [user])
  t.is((await verify(server, phone, wrong(code))).status, 403)
  t.is((await verify(server, phone, code)).status, 201)
  const { session } = (await askForCode(server, phone)).body
  await queryDatabase(server.databaseUrl, 'DELETE FROM registrations WHERE user_id = $1', [user])
  t.is((await verify(server, phone, server.sms.codeFor(phone), { session })).body.code, 'WRONG_CODE')
})

test.serial('a code expires after ten minutes, and seven days without use lift the PIN', async (t) => {
  const server = await startServer(t)
  let aheadMs = 0
  const turn = (ms: number) => turnDatabaseClock(server.databaseUrl, (aheadMs += ms))
  const phone = newPhone()
  const { token } = await register(server, phone)
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { pin: '271828' } })
  await turn(7 * DAY - 20 * MINUTE)
  await askForCode(server, phone)
  await turn(10 * MINUTE + 1)
  t.is((await verify(server, phone, server.sms.codeFor(phone), { pin: '271828' })).body.code, 'WRONG_CODE')
  await askForCode(server, phone)
  await turn(9 * MINUTE)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).body.code, 'PIN_REQUIRED')
  await askForCode(server, phone)
  await turn(MINUTE)
  t.is((await verify(server, phone, server.sms.codeFor(phone))).status, 201)
})

test.serial('an SMS sender that fails is told, counts for nothing and leaves the code before in force', async (t) => {
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
  for (let time = 0; time < 2; time++) t.is((await askForCode(server, phone)).status, 202)
  t.is(server.sms.sent.length, 2, 'the third asking shares the code of the second')
})

test.serial('codes and tries are limited on all nodes together, and over restarts', async (t) => {
  const limits = {
    ...(JSON.parse(UNLIMITED) as object),
    registrationPerPhoneAndAddress: { burst: 2, perSecond: 0.01 },
    verifyPerPhone: { burst: 3, perSecond: 0.01 },
    verifyPerAddress: { burst: 4, perSecond: 0.01 },
  }
  const env = { LIMITS: JSON.stringify(limits) }
  const one = await startServer(t, { env })
  const two = await startServer(t, { env, databaseUrl: one.databaseUrl })
  const phone = newPhone()
  t.is((await askForCode(one, phone)).status, 202)
  t.is((await askForCode(two, phone)).status, 202)
  const refused = await askForCode(one, phone)
  t.is(refused.status, 429)
  t.is(refused.body.code, 'RATE_LIMITED')
  t.true((refused.body.retryAfterMs ?? 0) > 0)
  t.is(refused.headers.get('retry-after'), String(Math.ceil((refused.body.retryAfterMs ?? 0) / 1_000)))

  const statuses = []
  for (const server of [one, two, one, two]) statuses.push((await verify(server, phone, '000000')).status)
  t.deepEqual(statuses, [403, 403, 403, 429])
  t.is((await verify(two, newPhone(), '000000')).status, 403)
  t.is((await verify(one, newPhone(), '000000')).status, 429)
  await one.node.destroy()
  const again = await startServer(t, { env, databaseUrl: one.databaseUrl })
  t.is((await askForCode(again, phone)).status, 429)
})

test.serial('text messages have a budget by country and in all, and the operator hears when it runs out', async (t) => {
  const limits = {
    ...(JSON.parse(UNLIMITED) as object),
    codesPerCountry: { burst: 10, perSecond: 1e-6 },
    codesInAll: { burst: 12, perSecond: 1e-6 },
  }
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
  const server = await startServer(t, { env: { LIMITS: JSON.stringify(limits) }, overrides: { logger } })
  for (let code = 0; code < 10; code++) t.is((await askForCode(server, newPhone())).status, 202)
  const refused = await askForCode(server, newPhone())
  t.is(refused.status, 429)
  t.regex(refused.body.detail, /limit codesPerCountry/)
  t.is((await askForCode(server, '+442079460958')).status, 202)
  t.is((await askForCode(server, '+442079460959')).status, 202)
  t.regex((await askForCode(server, '+4930123456')).body.detail, /limit codesInAll/)
  const told = lines.map((line) => JSON.parse(line) as { event: string; budget: string; level: string })
  t.deepEqual(
    told.map(({ event, budget }) => `${event} ${budget}`),
    ['smsBudgetLow +1', 'smsBudgetLow all', 'smsBudgetSpent +1', 'smsBudgetSpent all'],
  )
  const metrics = (await (await fetch(`${server.url}/metrics`)).text()).split('\n')
  t.true(metrics.includes('parley_sms_budget_left{budget="+1"} 0'))
  t.true(metrics.includes('parley_sms_budget_left{budget="all"} 0'))
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
