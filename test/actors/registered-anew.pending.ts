import test from 'ava'
import { CloseCode } from '../../proto/close-codes.ts'
import { hashToken, createToken } from '../../src/storage/token.ts'
import { withClient } from '../helpers/raw-accounts.ts'
import { connectTo, newDevice, startNodes } from '../helpers/raw-nodes.ts'

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
