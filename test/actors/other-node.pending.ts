import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { hashToken, createToken } from '../../src/storage/token.ts'
import { message } from '../helpers/device.ts'
import { createAccount, newUser, withClient } from '../helpers/raw-accounts.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'
import { waitUntil } from '../helpers/wait-until.ts'

test('a newly registered device takes over from the old one on another node, though its connections count from 1', async (t) => {
  const [one, two] = await startNodes(t, 2)
  const bob = await newDevice(one!)
  const old = await connectTo(one!, bob, { number: 5 })
  const token = createToken(bob.address)
  await withClient(one!.databaseUrl, (client) =>
    client.query(
      `UPDATE devices SET registration = gen_random_uuid(), token_hash = $2, connection_number = 0 WHERE user_id = $1`,
      [bob.user, hashToken(token)],
    ),
  )
  const fresh = await connectTo(two!, { ...bob, token }, { number: 1 })
  await fresh.caughtUp()
  t.true([CloseCode.REPLACED, CloseCode.DEVICE_REMOVED].includes((await old.closing()) as never))
  await fresh.settled()
  t.is(fresh.closed, undefined)
})

test('somebody who has just registered on another node can be written to', async (t) => {
  const [one, two] = await startNodes(t, 2)
  const [a, user] = [await connectTo(two!, await newDevice(two!)), newUser()]
  const early = message({ user }, 'too early', { first: true })
  a.send(early)
  t.is((await a.refused(early.id)).code, 'UNKNOWN_USER')
  await createAccount(one!.databaseUrl, { user })
  one!.core.directory.forget(user)
  await waitUntil('a message is accepted', async () => {
    const frame = message({ user }, 'now', { first: true })
    a.send(frame)
    await waitUntil('it is answered', () => [...a.all('accepted'), ...a.all('error')].some(({ id }) => id === frame.id))
    return a.all('accepted').length > 0
  })
  t.pass()
})
