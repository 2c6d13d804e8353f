import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { connect } from 'nats'
import { Client as Database } from 'pg'
import { idBytes } from '../../client/client-id.ts'
import { decodeKeyBox, openDataKey } from '../../client/crypto/hosted/key-box.ts'
import { isClientId } from '../../proto/limits.ts'
import type { DeviceId, UserId } from '../../src/shared/ids.ts'
import { Cluster, NATS_PASSWORD } from '../chaos/cluster.ts'
import { App } from '../helpers/app.ts'
import { readSecrets } from '../helpers/device-secrets.ts'
import { HostedAccount } from '../helpers/hosted-account.ts'
import { openHostedNode } from '../helpers/hosted.ts'
import { call } from '../helpers/http.ts'
import { SecretFinder } from '../helpers/secret-finder.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server')

const MASTER_KEY = randomBytes(32)
const MESSAGES = 12
let cluster: Cluster
/** Every message that nodes have sent to each other: nobody may publish anywhere else. */
const bus: Buffer[] = []
const undo: (() => unknown)[] = []

test.before(async () => {
  cluster = await Cluster.start({ nodes: 2, databases: 1, balanced: false, masterKey: MASTER_KEY.toString('base64') })
  const tap = await connect({ servers: cluster.nats.url, user: 'node', pass: NATS_PASSWORD })
  undo.push(() => tap.close())
  for (const subject of ['parley.>', '_INBOX.>', '$SRV.>']) {
    tap.subscribe(subject, {
      callback: (_error, { subject: to, data }) => void bus.push(Buffer.concat([Buffer.from(`${to} `), data])),
    })
  }
  await tap.flush()
})

test.after.always(async () => {
  for (const one of undo) await one()
  await cluster?.stop()
})

/** A text that stands nowhere else. */
const canary = (): string => `canary-${randomBytes(12).toString('hex')}`

test.serial('the finder finds every form of a secret, among any bytes', (t) => {
  const finder = new SecretFinder()
  finder.addText('text', canary())
  finder.addBytes('key', randomBytes(32))
  t.deepEqual(finder.search(randomBytes(1_000_000)), [])
  let forms = 0
  for (const { secret, form, bytes } of finder.forms()) {
    forms++
    const found = finder.search(Buffer.concat([randomBytes(999), bytes, randomBytes(999)]))
    t.true(
      found.some((one) => one.secret === secret && one.form === form),
      `${secret} ${form}`,
    )
  }
  t.true(forms > 20)
  const [message, key] = [canary(), randomBytes(32)]
  const natural = new SecretFinder()
  natural.addText('text', message)
  natural.addBytes('key', key)
  for (let before = 0; before < 3; before++) {
    const around = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(message), key, Buffer.from('y')])
    for (const encoding of ['latin1', 'hex', 'base64', 'base64url'] as const) {
      const found = natural.search(Buffer.from(around.toString(encoding), 'latin1'))
      t.deepEqual(new Set(found.map(({ secret }) => secret)), new Set(['text', 'key']), encoding)
    }
  }
  t.is(natural.search(Buffer.from(JSON.stringify(Uint8Array.from(key)))).length, 1)
  t.is(natural.search(Buffer.from(JSON.stringify([...key]))).length, 1)
})

test.serial('nothing that people write, and no private key, is anywhere on the server', async (t) => {
  t.timeout(240_000)
  const nodes = cluster.nodes.map(({ process: { url } }) => ({ url }))
  const [one, two] = [nodes[0]!, nodes[1]!]
  const [amina, bruno] = [await joined(t, one), await joined(t, two)]
  const [bank, shop] = [await hosted(one), await hosted(two)]
  const finder = new SecretFinder()
  const write = (name: string): string => {
    const text = canary()
    finder.addText(name, text)
    return text
  }

  // On every path: live, by way of another node, and into a mailbox that waits.
  const ids: string[] = []
  for (let i = 0; i < MESSAGES; i++) {
    if (i === MESSAGES / 2) bruno.client.disconnect()
    ids.push((await amina.say(bruno, write('from app to app'))).id)
    await amina.say(bank, write('from app to hosted'))
    t.is((await bank.send(bruno, write('from hosted to app'))).status, 201)
    t.is((await bank.send(shop, write('from hosted to hosted'))).status, 201)
    bruno.client.sendText(shop.user, write('from app to hosted, waiting'))
    amina.client.typing(bruno.user)
    amina.client.signal({ user: bruno.user, device: 0 }, Buffer.from(write('signal')))
    if (i % 4 === 0) await shop.at(one).read()
  }
  await bank.read()
  const [name, phone] = [write('name of a contact'), '+15550009999']
  const vcard = `BEGIN:VCARD\r\nVERSION:3.0\r\nFN:${write('name in a vCard')}\r\nTEL:+1555\r\nEND:VCARD\r\n`
  const location = { latitude: 1, longitude: 2, name: write('name of a place'), address: write('address') }
  const bodies = [
    { type: 'contact', contact: { name, phone } },
    { type: 'contact', contact: { vcard } },
    { type: 'location', location },
    { type: 'text', text: `${write('text under a key')} ${'and so on '.repeat(2_000)}` },
  ]
  for (const body of bodies) {
    const answer = await call(`${one.url}/messages`, {
      token: bank.token,
      body: { reciever_ID: bruno.user, ...body },
      headers: { 'idempotency-key': write('idempotency key') },
    })
    t.is(answer.status, 201)
  }
  const wrong = { token: bank.token, body: { reciever_ID: 'nobody', type: 'text', text: write('refused') } }
  t.is((await call(`${one.url}/messages`, wrong)).status, 400)
  const unknown = { token: bank.token, body: { reciever_ID: '15559999999', type: 'text', text: write('to nobody') } }
  t.is((await call(`${one.url}/messages`, unknown)).status, 404)
  t.is((await call(`${two.url}/messages?user_Id=${write('query')}`, { token: shop.token })).status, 400)

  await addKeys(finder)
  for (const [app, owner] of [
    [amina, 'Amina'],
    [bruno, 'Bruno'],
  ] as const)
    for (const { name: key, bytes } of await readSecrets(app.store, owner)) finder.addBytes(key, bytes)
  await addHostedKeys(t, finder, [bank.user, shop.user])
  t.true(finder.size > 600, `${finder.size} secrets`)

  // A name that users show is known to the server: it must be found wherever it is.
  const shown = canary()
  t.is((await call(`${one.url}/v1/me`, { method: 'PATCH', token: bank.token, body: { name: shown } })).status, 200)
  const planted = await connect({ servers: cluster.nats.url, user: 'node', pass: NATS_PASSWORD })
  planted.publish('parley.canary', Buffer.from(shown))
  await planted.drain()

  const places: readonly (readonly [place: string, known: string, read: () => Promise<Buffer>])[] = [
    ['a dump of the database', shown, () => dumpDatabase(databaseUrl())],
    ['the files of nodes, databases and NATS', shown, () => readFiles(cluster.directory)],
    ['the bus', shown, async () => Buffer.concat(bus)],
    ['what nodes said of messages on the bus', ids[0]!, async () => Buffer.concat(bus)],
    ['the logs', '"event":"registered"', () => readTexts(cluster.nodes.map(({ process: node }) => node.readLog()))],
    ['the metrics', 'parley_hosted_key_boxes', () => readTexts(nodes.map(({ url }) => readMetrics(url)))],
  ]
  for (const [place, known, read] of places) {
    const control = new SecretFinder()
    control.addText('control', known)
    if (isClientId(known)) control.addBytes('control', idBytes(known))
    let bytes = await read()
    await waitUntil(`what must be there is in ${place}`, async () => {
      if (control.search(bytes).length > 0) return true
      bytes = await read()
      return false
    })
    t.log(`${place}: ${Math.ceil(bytes.length / 1_000)} KB`)
    t.deepEqual(finder.search(bytes), [], place)
  }
  t.true(bus.length > MESSAGES)

  // All of it was real: whoever has the keys reads it.
  bruno.client.connect()
  await waitUntil('the shop has it all', async () => (await shop.texts()).length === 2 * MESSAGES)
  await waitUntil('Bruno has it all', () => bruno.shown.length === 2 * MESSAGES + bodies.length)
  t.false(bruno.shown.some(({ body }) => body.type === 'undecrypted' || body.type === 'unreadable'))
})

function joined(t: ExecutionContext, node: { readonly url: string }): Promise<App> {
  return App.join(t, node, (phone) => cluster.sms.codeFor(phone))
}

function hosted({ url }: { readonly url: string }): Promise<HostedAccount> {
  return HostedAccount.join(url, (phone) => cluster.sms.codeFor(phone))
}

function databaseUrl(): string {
  return `postgresql://parley@127.0.0.1:${cluster.nodes[0]!.postgres[0]!.port}/parley`
}

async function addKeys(finder: SecretFinder): Promise<void> {
  finder.addBytes('master key', MASTER_KEY)
  const database = new Database(databaseUrl())
  await database.connect()
  const { rows } = await database.query<{ box: Buffer }>('SELECT box FROM hosted_key_boxes')
  await database.end()
  for (const { box } of rows) finder.addBytes('data key', openDataKey(decodeKeyBox(box), MASTER_KEY).key)
}

/** What the hosted devices keep sealed. */
async function addHostedKeys(t: ExecutionContext, finder: SecretFinder, users: readonly number[]): Promise<void> {
  const node = await openHostedNode(t, databaseUrl(), { masterKeys: [MASTER_KEY] })
  for (const user of users) {
    const store = await node.stores.open({ user: user as UserId, device: 1 as DeviceId })
    for (const { name, bytes } of await readSecrets(store, `hosted ${user}`)) finder.addBytes(name, bytes)
    await store.close()
  }
}

/** Every row of every table, as text; bytes come as hexadecimal digits. */
async function dumpDatabase(url: string): Promise<Buffer> {
  const database = new Database(url)
  await database.connect()
  try {
    await database.query('CHECKPOINT')
    const { rows: tables } = await database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname <> 'information_schema'`,
    )
    const parts: string[] = []
    for (const { name } of tables) {
      const { rows } = await database.query<{ row: string }>(`SELECT one::text AS row FROM ${name} one`)
      parts.push(name, ...rows.map(({ row }) => row))
    }
    return Buffer.from(parts.join('\n'))
  } finally {
    await database.end()
  }
}

async function readFiles(directory: string): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  // A running PostgreSQL deletes files of its own at any time.
  const read = files.map(({ parentPath, name }) => readFile(join(parentPath, name)).catch(() => Buffer.alloc(0)))
  return Buffer.concat(await Promise.all(read))
}

async function readTexts(texts: readonly Promise<string>[]): Promise<Buffer> {
  return Buffer.from((await Promise.all(texts)).join('\n'))
}

async function readMetrics(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text()
}
