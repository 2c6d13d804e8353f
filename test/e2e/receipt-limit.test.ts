import { randomUUID } from 'node:crypto'
import test from 'ava'
import { Kind } from '../../proto/frames.ts'
import { Device, receipt } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { limited } from '../limits/limited.ts'

/** What PostgreSQL needs for a receipt about one message in one mailbox. */
const ROW = 287

test('a receipt counts once for each device of the recipient, whose mailboxes all get a row', async (t) => {
  const server = await startNode(t, limited('receiptBytes', 9 * ROW))
  const [[alice], bob] = [
    await createAccount(server.databaseUrl),
    await createAccount(server.databaseUrl, { devices: 8 }),
  ]
  const device = await Device.connect(server.url, alice!.token)
  const [first, second] = [receipt(bob[0]!, Kind.READ, [randomUUID()]), receipt(bob[0]!, Kind.PLAYED, [randomUUID()])]
  device.send(first, second)
  await device.accepted(first.id)
  const { code, retryAfterMs } = await device.refused(second.id)
  t.is(code, 'RATE_LIMITED')
  t.true(retryAfterMs > 0)
})

test('a receipt for somebody with one device costs one row, whatever those for others cost', async (t) => {
  const server = await startNode(t, limited('receiptBytes', 9 * ROW))
  const [[alice], [bob], nobody] = [
    await createAccount(server.databaseUrl),
    await createAccount(server.databaseUrl),
    { user: 15_999_999_999 },
  ]
  const device = await Device.connect(server.url, alice!.token)
  const receipts = Array.from({ length: 10 }, (_, i) => receipt(i === 4 ? nobody : bob!, Kind.READ, [randomUUID()]))
  device.send(...receipts)
  await waitUntil('each is answered', () => device.all('accepted').length + device.all('error').length === 10)
  t.deepEqual(
    device.all('error').map(({ code }) => code),
    ['RATE_LIMITED'],
  )
})
