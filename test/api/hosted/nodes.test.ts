import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import { Kind } from '../../../proto/frames.ts'
import { KeyRotation } from '../../../src/api/hosted/key-rotation.ts'
import { MasterKeys } from '../../../src/api/hosted/master-keys.ts'
import type { DeviceId, UserId } from '../../../src/shared/ids.ts'
import { countKeyBoxes } from '../../../src/storage/key-boxes.ts'
import { App } from '../../helpers/app.ts'
import { createTestDatabase, queryDatabase } from '../../helpers/database.ts'
import { HostedAccount } from '../../helpers/hosted-account.ts'
import { masterKey, openHostedNode } from '../../helpers/hosted.ts'
import { times } from '../../helpers/long.ts'
import { startNatsServer } from '../../helpers/nats-server.ts'
import { startServer } from '../../helpers/server.ts'
import type { TestServer } from '../../helpers/server.ts'
import { testWithTools } from '../../helpers/tools.ts'
import { leaveUnsent } from '../../helpers/unsent.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'nats-server')

const PEOPLE = 3
const ROUNDS = times(8, 20)
/** Two nodes, their NATS and three apps take their time on a busy machine. */
const PATIENCE_MS = 60_000
const encoded = (names: readonly string[]): string =>
  names.map((name) => Buffer.from(masterKey(name)).toString('base64')).join(',')

/** Two nodes with one database, joined by NATS. */
async function startPair(
  t: ExecutionContext,
  keyNames: readonly string[] = ['present'],
): Promise<{ one: TestServer; two: TestServer; databaseUrl: string }> {
  const [{ url: NATS_URL }, databaseUrl] = [await startNatsServer(t), await createTestDatabase(t)]
  const start = (NODE_NAME: string): Promise<TestServer> =>
    startServer(t, { databaseUrl, env: { NATS_URL, NODE_NAME, MASTER_KEY: encoded(keyNames) } })
  return { one: await start('one'), two: await start('two'), databaseUrl }
}

/** Reads and acknowledges page after page until so many messages have come. */
async function drain(accounts: readonly HostedAccount[], count: number): Promise<string[]> {
  const texts = new Map<string, string>()
  await waitUntil(
    'all has been read',
    async () => {
      const pages = await Promise.all(accounts.map((account) => account.read('?limit=7')))
      for (const { body } of pages) {
        for (const { messageId, sender_ID, type, text } of body.messages)
          texts.set(`${messageId} ${sender_ID}`, text ?? `[${type}]`)
      }
      const cursors = pages.flatMap(({ body }) => body.cursor ?? [])
      await Promise.all(cursors.map((cursor, i) => accounts[i % accounts.length]!.acknowledge(cursor)))
      return texts.size >= count
    },
    PATIENCE_MS,
  )
  return [...texts.values()]
}

test('two nodes send and read for one hosted device at once: nothing is lost, and nothing comes twice', async (t) => {
  const { one, two } = await startPair(t)
  const bank = await HostedAccount.register(one)
  const both = [bank, bank.at(two)]
  const apps: App[] = []
  for (let i = 0; i < PEOPLE; i++) apps.push(await App.register(t, i % 2 === 0 ? one : two))
  const fromBank = Array.from({ length: 2 * ROUNDS }, (_, i) => `from the bank ${i}`)
  const fromApps = Array.from({ length: ROUNDS }, (_, i) => `from an app ${i}`)

  const sending = fromBank.map((text, i) => Promise.all(apps.map((app) => both[i % 2]!.send(app, text))))
  const writing = apps.map(async (app) => {
    for (const text of fromApps) await app.say(bank, text)
  })
  const read = await drain(both, PEOPLE * ROUNDS)
  for (const answer of (await Promise.all(sending)).flat()) t.is(answer.status, 201, JSON.stringify(answer.body))
  await Promise.all(writing)

  t.deepEqual(read.sort(), apps.flatMap(() => fromApps).sort())
  t.deepEqual([...(await both[0]!.texts()), ...(await both[1]!.texts())], [])
  for (const app of apps) {
    await waitUntil('the app has shown all', () => app.shown.length >= fromBank.length)
    t.deepEqual(app.texts.sort(), fromBank.toSorted())
    t.deepEqual(app.changed, [], 'nothing had to be sent again')
    t.deepEqual(app.errors, [])
  }
})

test('a hosted device that only sends hears too what could not be read', async (t) => {
  const { one, two, databaseUrl } = await startPair(t)
  const [amina, bank] = [await App.register(t, one), await HostedAccount.register(one)]
  await amina.say(bank, 'so that both know the session')
  await bank.texts()
  await bank.send(amina, 'before')
  await waitUntil('it is there', () => amina.shown.length === 1)
  await amina.forgetSessions()
  await bank.send(amina, 'lost?')
  await waitUntil('it could not be read', () => amina.texts.at(-1) === '[undecrypted]')
  const asked = `SELECT 1 FROM envelopes WHERE user_id = $1 AND from_user = $2 AND kind = $3`
  await waitUntil('it was asked for again', async () => {
    return (await queryDatabase(databaseUrl, asked, [bank.user, amina.user, Kind.DEVICE_EVENT])).length === 1
  })
  // On this node no request has looked into the mailbox yet.
  t.is((await bank.at(two).send(amina, 'after')).status, 201)
  // What was encrypted before it heard is asked for in its turn.
  await waitUntil('it was sent again', () => amina.changed.length > 0)
  t.deepEqual(amina.changed[0]?.body, { type: 'text', text: 'lost?' })
})

test('the keys are rotated while two nodes send and read, and the older master key may go', async (t) => {
  const { one, two, databaseUrl } = await startPair(t, ['old'])
  const bank = await HostedAccount.register(one)
  const amina = await App.register(t, one)
  await bank.send(amina, 'under the old key')
  await amina.say(bank, 'to the old key')
  t.deepEqual(await bank.at(two).texts(), ['to the old key'])
  await Promise.all([one.node.destroy(), two.node.destroy()])

  const natsServer = await startNatsServer(t)
  const start = (NODE_NAME: string, keyNames: readonly string[]): Promise<TestServer> =>
    startServer(t, { databaseUrl, env: { NATS_URL: natsServer.url, NODE_NAME, MASTER_KEY: encoded(keyNames) } })
  const [three, four] = [await start('three', ['new', 'old']), await start('four', ['new', 'old'])]
  const both = [bank.at(three), bank.at(four)]
  const shop = await HostedAccount.register(three)
  const texts = Array.from({ length: ROUNDS }, (_, i) => `while the keys are rotated ${i}`)
  const sending = (async () => {
    for (const [i, text] of texts.entries()) t.is((await both[i % 2]!.send(shop, text)).status, 201)
  })()
  const tool = await openHostedNode(t, databaseUrl)
  const rotation = new KeyRotation({
    records: tool.records,
    masterKeys: new MasterKeys([masterKey('new'), masterKey('old')]),
    options: { dataKeyCacheMs: 60_000, dataKeyCacheItems: 10 },
    pageRows: 10,
  })
  const rotated = await rotation.rotate({ user: bank.user as UserId, device: 1 as DeviceId })
  await sending
  t.true(rotated!.records > 100)
  t.is(rotated!.damaged, 0)
  const ids = (await countKeyBoxes(tool.database.pool)).map((count) => Buffer.from(count.masterKeyId))
  t.deepEqual(ids, [Buffer.from(masterKeyId(masterKey('new')))])

  const five = await start('five', ['new'])
  t.deepEqual(await bank.at(five).texts(), ['to the old key'])
  t.deepEqual(await shop.at(five).texts(), texts)
  t.is((await bank.at(five).send(shop, 'under the new key')).status, 201)
  t.is((await shop.at(four).texts()).at(-1), 'under the new key')
})

test('on a node without its master key a device is locked, and others are not', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const start = (NODE_NAME: string, keyName: string): Promise<TestServer> =>
    startServer(t, { databaseUrl, env: { NODE_NAME, MASTER_KEY: encoded([keyName]) } })
  const [one, two] = [await start('one', 'present'), await start('two', 'other')]
  const [bank, shop] = [await HostedAccount.register(one), await HostedAccount.register(two)]
  for (const answer of [
    await bank.at(two).send(shop, 'x'),
    await bank.at(two).read(),
    await bank.at(two).acknowledge('1'),
  ]) {
    t.is(answer.status, 503)
    t.is(answer.body.code, 'HOSTED_LOCKED')
    t.true(Number(answer.headers.get('retry-after')) > 0)
  }
  t.is((await shop.send(bank, 'for the locked one')).status, 201)
  t.deepEqual(await bank.at(one).texts(), ['for the locked one'])
})

test('what a node had encrypted and not yet sent when it was killed is sent by the next one', async (t) => {
  const { one, two, databaseUrl } = await startPair(t)
  const [bank, amina] = [await HostedAccount.register(one), await App.register(t, one)]
  await bank.send(amina, 'before')
  await waitUntil('it is there', () => amina.shown.length === 1)

  // A store of its own over the same rows leaves what a killed node leaves: an entry of the outbox.
  const killed = await openHostedNode(t, databaseUrl, { masterKeys: [masterKey('present')] })
  const store = await killed.stores.open({ user: bank.user as UserId, device: 1 as DeviceId })
  await leaveUnsent(store, bank.user, amina.user, 'between two nodes')

  t.deepEqual(await bank.at(two).texts(), [])
  await waitUntil('it is there too', () => amina.shown.length === 2)
  t.deepEqual(amina.texts, ['before', 'between two nodes'])
  t.deepEqual(amina.changed, [])
  t.is((await bank.at(one).send(amina, 'after')).status, 201)
  await waitUntil('the next one is there', () => amina.shown.length === 3)
  t.is(amina.texts.at(-1), 'after')
})
