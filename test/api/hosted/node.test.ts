import test from 'ava'
import { hex } from '../../../client/crypto/bytes.ts'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import { createTestDatabase, queryDatabase } from '../../helpers/database.ts'
import { HostedAccount } from '../../helpers/hosted-account.ts'
import { addDevice, masterKey, openHostedNode } from '../../helpers/hosted.ts'
import { call, newPhone, register } from '../../helpers/http.ts'
import { startServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

interface Ready {
  readonly ready: boolean
  readonly checks: { readonly hostedKeys: { readonly state: string; readonly reason?: string } }
}

test('without a master key a hosted registration is refused and uses up no code, and others go on', async (t) => {
  const server = await startServer(t, { env: { MASTER_KEY: '' } })
  const phone = newPhone()
  await call(`${server.url}/v1/registrations`, { body: { phone } })
  const code = server.sms.codeFor(phone)
  const verify = (hosted: boolean) =>
    call(`${server.url}/v1/registrations/verify`, { body: { phone, code, hosted }, headers: {} })
  const refused = await verify(true)
  t.is(refused.status, 403)
  t.is(refused.body['code'], 'HOSTED_DISABLED')
  t.is((await verify(false)).status, 201)
})

test('with a master key a device can be hosted', async (t) => {
  const server = await startServer(t)
  t.is((await register(server, newPhone(), { hosted: true })).device, 1)
})

test('a node that ends in good order leaves nothing that would be sent again', async (t) => {
  const server = await startServer(t)
  const [bank, shop] = [await HostedAccount.register(server), await HostedAccount.register(server)]
  // After the first one the device looks into its mailbox, which ends its entry, too.
  for (const text of ['Hello', 'and good bye']) t.is((await bank.send(shop, text)).status, 201)
  await server.node.destroy()
  const left = `SELECT 1 FROM hosted_records WHERE convert_from(key, 'LATIN1') LIKE 'outbox/%'`
  t.deepEqual(await queryDatabase(server.databaseUrl, left), [])
})

test('readyz names the master keys that are missing, and a metric counts the key boxes of each', async (t) => {
  const databaseUrl = await createTestDatabase(t)
  const old = await openHostedNode(t, databaseUrl, { masterKeys: [masterKey('old')] })
  await old.stores.create(await addDevice(old.database, 15_550_000_001))
  await old.stores.create(await addDevice(old.database, 15_550_000_002))
  const present = await openHostedNode(t, databaseUrl, { masterKeys: [masterKey('present')] })
  await present.stores.create(await addDevice(old.database, 15_550_000_003))

  const MASTER_KEY = Buffer.from(masterKey('present')).toString('base64')
  const server = await startServer(t, { databaseUrl, env: { MASTER_KEY } })
  const read = async () => (await call<Ready>(`${server.url}/readyz`)).body
  await waitUntil('the boxes are counted', async () => (await read()).checks.hostedKeys.state === 'degraded')
  const { ready, checks } = await read()
  t.true(ready)
  const [missing, known] = ['old', 'present'].map((name) => hex(masterKeyId(masterKey(name))))
  t.is(checks.hostedKeys.reason, `2 key boxes of hosted devices need master keys that are missing: ${missing}`)
  const { body: metrics } = await call<string>(`${server.url}/metrics`)
  t.true(metrics.includes(`parley_hosted_key_boxes{shard="1",master_key="${missing}"} 2\n`))
  t.true(metrics.includes(`parley_hosted_key_boxes{shard="1",master_key="${known}"} 1\n`))
})
