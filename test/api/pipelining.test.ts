import test from 'ava'
import { startNode } from '../helpers/node.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { limited } from '../limits/limited.ts'

test('of many requests in a row nothing is answered after the first one that is too much', async (t) => {
  const server = await startNode(t, limited('anonymous', 2))
  const connection = await RawConnection.open(server.url)
  t.teardown(() => connection.end())
  connection.send('GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000))
  await waitUntil('it is ended', () => connection.closed)
  const statuses = [...connection.received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)
  // The reset may overtake what was answered.
  t.deepEqual(statuses, ['401', '401', '429'].slice(0, statuses.length))
})
