import test from 'ava'
import type { Problem } from '../../src/api/problem.ts'
import { call, newPhone, register, type TestAccount } from '../helpers/http.ts'
import { shareServer, type TestServer } from '../helpers/server.ts'

interface Page {
  readonly messages: readonly Record<string, unknown>[]
  readonly cursor: string | null
  readonly more: boolean
}

interface Pair {
  readonly server: TestServer
  readonly ann: TestAccount
  readonly bob: TestAccount
}

const shared = shareServer(test)

/** Writes in most of the tests, and is written to in none of those. */
let writer: Promise<TestAccount> | undefined

const registerHosted = (): Promise<TestAccount> => register(shared(), newPhone(), { hosted: true })

/** Two users with hosted devices, the second of whom no other test has. */
async function createPair(): Promise<Pair> {
  writer ??= registerHosted()
  return { server: shared(), ann: await writer, bob: await registerHosted() }
}

const send = ({ server, ann }: Pair, body: unknown, headers = {}) =>
  call<Problem & { messageId: string; acceptedAt: string }>(`${server.url}/messages`, {
    token: ann.token,
    body,
    headers,
  })

const read = ({ server, bob }: Pair, query = '') =>
  call<Page & Problem>(`${server.url}/messages${query}`, { token: bob.token })

const acknowledge = ({ server, bob }: Pair, query: string) =>
  call<{ acknowledged: number } & Problem>(`${server.url}/messages${query}`, { method: 'DELETE', token: bob.token })

test('a text goes from one hosted account to another, and is read until it is acknowledged', async (t) => {
  const pair = await createPair()
  const { ann, bob } = pair
  const sent = await send(pair, { sender_ID: ann.user, reciever_ID: bob.user, type: 'text', text: 'Grüße 👋' })
  t.is(sent.status, 201)
  t.regex(sent.body.messageId, /^\d+$/)
  t.true(Date.parse(sent.body.acceptedAt) > 0)

  const expected = {
    messageId: sent.body.messageId,
    sender_ID: ann.user,
    reciever_ID: bob.user,
    type: 'text',
    text: 'Grüße 👋',
  }
  for (let time = 0; time < 2; time++) {
    const page = await read(pair, `?user_Id=${bob.user}`)
    t.is(page.status, 200)
    t.is(page.body.messages.length, 1)
    t.like(page.body.messages[0], expected)
    t.regex(String(page.body.messages[0]?.['sentAt']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.is(page.body.cursor, sent.body.messageId)
    t.false(page.body.more)
  }
  const acknowledged = await acknowledge(pair, `?user_Id=${bob.user}&upTo=${sent.body.messageId}`)
  t.is(acknowledged.status, 200)
  t.deepEqual(acknowledged.body as unknown, { acknowledged: 1 })
  t.deepEqual((await read(pair)).body as unknown, { messages: [], cursor: null, more: false })
  t.deepEqual((await acknowledge(pair, `?upTo=${sent.body.messageId}`)).body as unknown, { acknowledged: 0 })
})

test('every form of a user id is taken', async (t) => {
  const pair = await createPair()
  const [ann, bob] = [pair.ann.user, pair.bob.user]
  const forms = [
    { reciever_ID: bob },
    { reciever_ID: `+${bob}` },
    { reciever_ID: Number(bob) },
    { receiver_ID: bob },
    { receiver_ID: Number(bob), reciever_ID: `+${bob}` },
    { sender_ID: Number(ann), receiver_ID: bob },
    { sender_ID: `+${ann}`, receiver_ID: bob },
  ]
  for (const form of forms)
    t.is((await send(pair, { ...form, type: 'text', text: 'x' })).status, 201, JSON.stringify(form))
  for (const query of [`?user_Id=${bob}`, `?user_Id=%2B${bob}`, `?user_Id=+${bob}`, '']) {
    t.is((await read(pair, query)).body.messages.length, forms.length)
  }
})

test('a message without a type is a text, and what others have may be null', async (t) => {
  const pair = await createPair()
  const to = { reciever_ID: pair.bob.user }
  const none = { media_object: null, document: null }
  const location = { latitude: 1, longitude: 2 }
  const contact = { name: 'Jane', phone: '1-800-FLOWERS ext. 5' }
  for (const message of [
    { text: 'one' },
    { type: 'text', text: 'two', ...none },
    { type: 'location', location, text: null, ...none },
    { type: 'contact', contact, text: null, ...none },
  ]) {
    t.is((await send(pair, { ...to, ...message })).status, 201, JSON.stringify(message))
  }
  t.deepEqual(
    (await read(pair)).body.messages.map(({ type, text, location: place, contact: card }) => [
      type,
      text ?? place ?? card,
    ]),
    [
      ['text', 'one'],
      ['text', 'two'],
      ['location', location],
      ['contact', contact],
    ],
  )
  for (const refused of [{}, { text: null }, { text: 'x', document: {} }, { type: null, text: 'x' }]) {
    t.is((await send(pair, { ...to, ...refused })).status, 400, JSON.stringify(refused))
  }
})

test('a location goes with and without its names', async (t) => {
  const pair = await createPair()
  const places = [
    { latitude: 52.5163, longitude: 13.3777, name: 'Brandenburger Tor', address: 'Pariser Platz, Berlin' },
    { latitude: -90, longitude: 180 },
  ]
  for (const location of places) {
    t.is((await send(pair, { reciever_ID: pair.bob.user, type: 'location', location })).status, 201)
  }
  const { messages } = (await read(pair)).body
  t.deepEqual(
    messages.map(({ type, location }) => [type, location]),
    places.map((place) => ['location', place]),
  )
})

test('a contact goes as fields or as a vCard', async (t) => {
  const pair = await createPair()
  const vcard =
    'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jane;;;\r\nFN:Jane Doe\r\nTEL;TYPE=CELL:+1 555 000 0009\r\nEND:VCARD\r\n'
  for (const contact of [{ name: 'Jane Doe', phone: '+15550000009' }, { vcard }]) {
    t.is((await send(pair, { reciever_ID: pair.bob.user, type: 'contact', contact })).status, 201)
  }
  const { messages } = (await read(pair)).body
  t.deepEqual(
    messages.map(({ contact }) => contact),
    [
      { name: 'Jane Doe', phone: '+15550000009' },
      { name: 'Jane Doe', phone: '+1 555 000 0009', vcard },
    ],
  )
})

test('messages come oldest first, in pages', async (t) => {
  const pair = await createPair()
  const texts = ['one', 'two', 'three', 'four', 'five']
  for (const text of texts) await send(pair, { reciever_ID: pair.bob.user, type: 'text', text })
  const seen: unknown[] = []
  for (const more of [true, true, false]) {
    const page = (await read(pair, '?limit=2')).body
    t.is(page.more, more)
    seen.push(...page.messages.map(({ text }) => text))
    await acknowledge(pair, `?upTo=${page.cursor}&read=true`)
  }
  t.deepEqual(seen, texts)
  t.deepEqual((await read(pair)).body.messages, [])
})

test('receipts are not among the messages', async (t) => {
  const pair = { ...(await createPair()), ann: await registerHosted() }
  const { messageId } = (await send(pair, { reciever_ID: pair.bob.user, type: 'text', text: 'x' })).body
  await acknowledge(pair, `?upTo=${messageId}&read=true`)
  const page = await call<Page>(`${pair.server.url}/messages`, { token: pair.ann.token })
  t.deepEqual(page.body, { messages: [], cursor: null, more: false })
})

test('nobody acts as somebody else, in any field', async (t) => {
  const pair = { ...(await createPair()), ann: await registerHosted() }
  const { server, ann, bob } = pair
  for (const sender_ID of [bob.user, `+${bob.user}`, Number(bob.user)]) {
    const answer = await send(pair, { sender_ID, reciever_ID: pair.bob.user, type: 'text', text: 'x' })
    t.is(answer.status, 403)
    t.is(answer.body.code, 'FORBIDDEN')
  }
  for (const [method, more] of [
    ['GET', ''],
    ['DELETE', '&upTo=1'],
  ] as const) {
    const url = `${server.url}/messages?user_Id=${bob.user}${more}`
    const answer = await call<Problem>(url, { method, token: ann.token })
    t.is(answer.status, 403)
    t.is(answer.body.code, 'FORBIDDEN')
  }
  t.deepEqual((await read(pair)).body.messages, [])
})

test('only accounts with a hosted device use /messages', async (t) => {
  const server = shared()
  const { token, user } = await register(server)
  const body = { reciever_ID: user, type: 'text', text: 'x' }
  for (const [method, query] of [
    ['GET', ''],
    ['DELETE', '?upTo=1'],
    ['POST', ''],
  ] as const) {
    const request = method === 'POST' ? { method, token, body } : { method, token }
    const answer = await call<Problem>(`${server.url}/messages${query}`, request)
    t.is(answer.status, 403)
    t.is(answer.body.code, 'FORBIDDEN')
  }
})

test('a message to nobody is refused', async (t) => {
  const pair = await createPair()
  const answer = await send(pair, { reciever_ID: newPhone(), type: 'text', text: 'x' })
  t.is(answer.status, 404)
  t.is(answer.body.code, 'UNKNOWN_USER')
})

test('what is wrong with a message is told by field', async (t) => {
  const pair = await createPair()
  const to = { reciever_ID: pair.bob.user }
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ type: 'text', text: 'x' }, 'reciever_ID'],
    [{ ...to, type: 5, text: 'x' }, 'type'],
    [{ ...to, type: 'fax', text: 'x' }, 'type'],
    [{ ...to, type: 'text' }, 'text'],
    [{ ...to, type: 'text', text: '' }, 'text'],
    [{ ...to, type: 'text', text: 5 }, 'text'],
    [{ reciever_ID: 'bob', type: 'text', text: 'x' }, 'reciever_ID'],
    [{ reciever_ID: '1'.repeat(16), type: 'text', text: 'x' }, 'reciever_ID'],
    [{ reciever_ID: -5, type: 'text', text: 'x' }, 'reciever_ID'],
    [{ reciever_ID: 1.5, type: 'text', text: 'x' }, 'reciever_ID'],
    [{ ...to, receiver_ID: newPhone(), type: 'text', text: 'x' }, 'reciever_ID'],
    [{ ...to, type: 'location' }, 'location'],
    [{ ...to, type: 'location', location: { latitude: 91, longitude: 0 } }, 'location.latitude'],
    [{ ...to, type: 'location', location: { latitude: 0, longitude: -181 } }, 'location.longitude'],
    [{ ...to, type: 'contact', contact: {} }, 'contact'],
    [{ ...to, type: 'contact', contact: { name: 'x' } }, 'contact'],
    [{ ...to, type: 'contact', contact: { vcard: 'FN:Jane' } }, 'contact.vcard'],
  ]
  for (const [body, field] of cases) {
    const answer = await send(pair, body)
    t.is(answer.status, 400, JSON.stringify(body))
    t.is(answer.body.code, 'BAD_REQUEST')
    t.true(
      answer.body.errors?.some((one) => one.field === field),
      JSON.stringify(answer.body),
    )
  }
})

test('a message may be large, and not too large', async (t) => {
  const pair = await createPair()
  const long = { reciever_ID: pair.bob.user, type: 'text', text: 'x'.repeat(60_000) }
  t.is((await send(pair, long)).status, 201)
  t.is(String((await read(pair)).body.messages[0]?.['text']).length, 60_000)
  const wide = await send(pair, { ...long, text: '👋'.repeat(20_000) })
  t.is(wide.status, 413)
  t.is(wide.body.code, 'TOO_LARGE')
})

test('a cursor and a limit must be of the right kind', async (t) => {
  const pair = await createPair()
  for (const query of ['', '?upTo=', '?upTo=x', '?upTo=-1', `?upTo=${'9'.repeat(20)}`, '?upTo=1&read=maybe']) {
    t.is((await acknowledge(pair, query)).status, 400, query)
  }
  for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?user_Id=x'])
    t.is((await read(pair, query)).status, 400, query)
})

test('a repetition under one Idempotency-Key sends once and gets the same answer', async (t) => {
  const pair = { ...(await createPair()), ann: await registerHosted() }
  const body = { reciever_ID: pair.bob.user, type: 'text', text: 'once' }
  const headers = { 'idempotency-key': '7f9c' }
  const answers = await Promise.all(Array.from({ length: 6 }, () => send(pair, body, headers)))
  for (const { status, body: answer } of answers) {
    t.is(status, 201)
    t.deepEqual(answer, answers[0]?.body)
  }
  const replayed = answers.filter(({ headers: sent }) => sent.get('idempotency-replayed') === 'true')
  t.is(replayed.length, 5)
  t.is((await read(pair)).body.messages.length, 1)

  const other = await send(pair, { ...body, text: 'twice' }, headers)
  t.is(other.status, 409)
  t.is(other.body.code, 'IDEMPOTENCY_CONFLICT')
  const theirs = await call(`${pair.server.url}/messages`, {
    token: pair.bob.token,
    body: { ...body, reciever_ID: pair.ann.user },
    headers,
  })
  t.is(theirs.status, 201)
})
