import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { LimitName } from '../../config/limits.ts'
import { BEHIND_PROXY, callFrom } from '../helpers/call-from.ts'
import type { Teardown } from '../helpers/database.ts'
import { call } from '../helpers/http.ts'
import { TestAccountKeys } from '../helpers/keys.ts'
import { startNode } from '../helpers/node.ts'
import { UNLIMITED } from '../helpers/server.ts'
import type { TestServer } from '../helpers/server.ts'
import type { Probes } from './probe.ts'

/** Of a database that works for other tests too. */
const PATIENT = { storage: { connectTimeoutMs: 60_000, queryTimeoutMs: 60_000 } }

/** A node on which each of these buckets holds only so much, for all probes that run at the same time. */
function share(bursts: Partial<Record<LimitName, number>>): (t: Teardown) => Promise<TestServer> {
  let users = 0
  let starting: Promise<TestServer> | undefined
  let undo: (() => unknown)[] = []
  const limits = Object.entries(bursts).map(([name, burst]) => [name, { burst, perSecond: 1e-4 }])
  const LIMITS = JSON.stringify({ ...(JSON.parse(UNLIMITED) as object), ...Object.fromEntries(limits) })
  return (t) => {
    users++
    t.teardown(async () => {
      if (--users > 0) return
      const all = undo
      starting = undefined
      undo = []
      for (const one of all) await one()
    })
    starting ??= startNode(
      { teardown: (one) => undo.unshift(one) },
      { env: { LIMITS, ...BEHIND_PROXY }, config: PATIENT },
    )
    return starting
  }
}

const shared = share({
  registrationPerPhone: 3,
  registrationPerPhoneAndAddress: 2,
  registrationPerAddress: 3,
  askingsPerPhone: 4,
  verifyPerPhone: 2,
  verifyPerAddress: 3,
  pinPerPhone: 2,
  pinPerPhoneAndAddress: 1,
  lookups: 4,
  identityCheck: 1,
  preKeys: 1,
  preKeysPerTarget: 1,
  connectPerAddress: 1,
  link: 2,
})
const cheap = share({ codesPerCountry: 2, codesInAll: 3 })

let phones = 0
const newPhone = (): string => `+1555${String(2_000_000 + ++phones)}`
let networks = 0
/** An address that no other probe comes from. */
const newAddress = (): string => `198.51.${Math.floor(++networks / 200)}.${(networks % 200) + 1}`

interface Answered {
  readonly status: number
  readonly body: Record<string, unknown>
}

const say = ({ status, body }: Answered): string =>
  status < 400 ? String(status) : `${status} ${String(body['code'])}`

const ask = (server: TestServer, phone: string, address = newAddress()): Promise<Answered> =>
  callFrom(address, `${server.url}/v1/registrations`, { phone })

const verify = (server: TestServer, phone: string, more: object = {}, address = newAddress()): Promise<Answered> =>
  callFrom(address, `${server.url}/v1/registrations/verify`, { phone, code: '000000', ...more })

/** The last of several answers, one after the other. */
async function last(times: number, one: () => Promise<Answered>): Promise<Answered> {
  for (let time = 1; time < times; time++) await one()
  return one()
}

async function newAccount(server: TestServer, phone = newPhone(), keys?: object): Promise<string> {
  await ask(server, phone)
  const { body } = await verify(server, phone, { code: server.sms.codeFor(phone), ...(keys && { keys }) })
  return String(body['token'])
}

/** A number with a PIN, and what somebody gives who has a right code and guesses. */
async function withPin(server: TestServer): Promise<{ readonly phone: string; readonly given: object }> {
  const phone = newPhone()
  const token = await newAccount(server, phone)
  await call(`${server.url}/v1/me`, { method: 'PATCH', token, body: { pin: '271828' } })
  const { session } = (await ask(server, phone)).body
  return { phone, given: { code: server.sms.codeFor(phone), session, pin: '0000' } }
}

/** Takes keys of one account, for the token given or for another account each time. */
async function withKeys(server: TestServer): Promise<(token?: string) => Promise<Answered>> {
  const phone = newPhone()
  const keys = await TestAccountKeys.create(phone.slice(1))
  await newAccount(server, phone, await keys.registration())
  return async (given) => {
    const token = given ?? (await newAccount(server))
    const headers = { 'idempotency-key': randomUUID() }
    return call(`${server.url}/v1/keys/${phone.slice(1)}/take`, { token, body: {}, headers })
  }
}

/** Asks for a WebSocket connection, and leaves it at that. */
async function upgrade(t: Teardown, server: TestServer): Promise<Answered> {
  const headers = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'parley.v1.json',
  }
  const asking = request(`${server.url}/v1/ws`, { headers }).end()
  t.teardown(() => asking.destroy())
  const [response] = (await Promise.race([once(asking, 'upgrade'), once(asking, 'response')])) as [IncomingMessage]
  const { statusCode: status = 0 } = response
  if (status === 101) return { status, body: {} }
  return { status, body: JSON.parse(Buffer.concat(await response.toArray()).toString()) as Record<string, unknown> }
}

export const registrationProbes: Probes = {
  'limits.registrationPerPhone': async (t) => {
    const server = await shared(t)
    const phone = newPhone()
    const answer = await last(4, () => ask(server, phone))
    const sent = server.sms.sent.filter(({ to }) => to === phone).length
    return `${say(answer)}${sent === 3 ? ', shares the newest code' : ''}`
  },
  'limits.registrationPerPhoneAndAddress': async (t) => {
    const server = await shared(t)
    const [phone, address] = [newPhone(), newAddress()]
    return say(await last(3, () => ask(server, phone, address)))
  },
  'limits.registrationPerAddress': async (t) => {
    const server = await shared(t)
    const address = newAddress()
    return say(await last(4, () => ask(server, newPhone(), address)))
  },
  'limits.askingsPerPhone': async (t) => {
    const server = await shared(t)
    const phone = newPhone()
    return say(await last(5, () => ask(server, phone)))
  },
  'accounts.codeTries': async (t) => {
    const server = await shared(t)
    const phone = newPhone()
    const { session } = (await ask(server, phone)).body
    const code = server.sms.codeFor(phone)
    const wrong = code === '000000' ? '000001' : '000000'
    await last(5, () => verify(server, phone, { session, code: wrong }))
    return say(await verify(server, phone, { session, code }))
  },
  'limits.verifyPerPhone': async (t) => {
    const server = await shared(t)
    const phone = newPhone()
    return say(await last(3, () => verify(server, phone)))
  },
  'limits.verifyPerAddress': async (t) => {
    const server = await shared(t)
    const address = newAddress()
    return say(await last(4, () => verify(server, newPhone(), {}, address)))
  },
  'limits.pinPerPhone': async (t) => {
    const server = await shared(t)
    const { phone, given } = await withPin(server)
    return say(await last(3, () => verify(server, phone, given)))
  },
  'limits.pinPerPhoneAndAddress': async (t) => {
    const server = await shared(t)
    const { phone, given } = await withPin(server)
    const address = newAddress()
    return say(await last(2, () => verify(server, phone, given, address)))
  },
  'limits.codesPerCountry': async (t) => {
    const server = await cheap(t)
    return say(await last(3, () => ask(server, newPhone())))
  },
  'limits.codesInAll': async (t) => {
    const server = await cheap(t)
    const countries = ['+442079460958', '+4930123456', '+919876543210', '+8613812345678']
    return say(await last(4, () => ask(server, countries.pop()!)))
  },
  'limits.lookups': async (t) => {
    const server = await shared(t)
    const token = await newAccount(server)
    // A node lets one or two pass before it hears that the bucket is empty.
    return say(await last(8, () => call(`${server.url}/v1/devices/19990000000`, { token })))
  },
  'limits.identityCheck': async (t) => {
    const server = await shared(t)
    const token = await newAccount(server)
    return say(await last(2, () => call(`${server.url}/v1/keys/identity-check`, { token, body: { users: [] } })))
  },
  'limits.preKeys': async (t) => {
    const server = await shared(t)
    const take = await withKeys(server)
    const token = await newAccount(server)
    return say(await last(2, () => take(token)))
  },
  'limits.preKeysPerTarget': async (t) => {
    const server = await shared(t)
    const take = await withKeys(server)
    const answer = await last(2, () => take())
    const [bundle] = answer.body['devices'] as readonly { readonly opk?: string }[]
    return `${say(answer)}${bundle?.opk === undefined ? ', without one-time keys' : ''}`
  },
  'limits.connectPerAddress': async (t) => {
    const server = await shared(t)
    return say(await last(2, () => upgrade(t, server)))
  },
  'limits.link': async (t) => {
    const server = await shared(t)
    const address = newAddress()
    return say(await last(3, () => callFrom(address, `${server.url}/v1/devices/link`, {})))
  },
}
