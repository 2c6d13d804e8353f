import test from 'ava'
import type { Problem } from '../../src/api/problem.ts'
import { call, newPhone, register } from '../helpers/http.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { startNode } from '../helpers/node.ts'

test('a message for a full mailbox is answered with a problem, and passes once the mailbox was read', async (t) => {
  const server = await startNode(t, { config: { room: { senderEnvelopes: 2, stepEnvelopes: 1 } } })
  const ann = await register(server, newPhone(), { hosted: true })
  const bob = await register(server, newPhone(), { hosted: true })
  const send = async () => {
    for (;;) {
      const body = { sender_ID: ann.user, reciever_ID: bob.user, type: 'text', text: 'Hello' }
      const answer = await call<Problem>(`${server.url}/messages`, { token: ann.token, body })
      // Here the node looks at the rows first.
      if (answer.body.code !== 'OVERLOADED') return answer
    }
  }
  let answer = await send()
  let sent = 0
  for (; answer.status === 201; sent++) answer = await send()
  t.true(sent >= 2 && sent <= 3, `${sent} sent`)
  t.is(answer.status, 507)
  t.like(answer.body, { code: 'MAILBOX_FULL', status: 507 })
  t.is(answer.headers.get('retry-after'), '60')
  const page = await call<{ messages: readonly unknown[]; cursor: string }>(`${server.url}/messages`, {
    token: bob.token,
  })
  t.is(page.body.messages.length, sent)
  const upTo = `${server.url}/messages?upTo=${page.body.cursor}&read=true`
  t.is((await call(upTo, { method: 'DELETE', token: bob.token })).status, 200)
  await waitUntil('there is room again', async () => (await send()).status === 201)
})
