import test from 'ava'
import { App } from '../../helpers/app.ts'
import { HostedAccount } from '../../helpers/hosted-account.ts'
import { shareServer } from '../../helpers/server.ts'

const shared = shareServer(test)

/** More than one reading takes in, however many it may show. */
const MESSAGES = 620

test('a mailbox that has filled for long is read page by page, in order', async (t) => {
  const server = shared()
  const [amina, bank] = [await App.register(t, server), await HostedAccount.register(server)]
  const written = Array.from({ length: MESSAGES }, (_, i) => `number ${i}`)
  const sent = written.map((text) => amina.client.sendText(bank.user, text))
  await Promise.all(sent.map((message) => amina.client.whenAccepted(message)))
  const pages: string[][] = []
  for (let more = true; more;) {
    const { body } = await bank.read()
    pages.push(body.messages.map(({ text }) => text ?? ''))
    await bank.acknowledge(body.cursor, false)
    more = body.more
  }
  t.deepEqual(pages.flat(), written)
  t.true(pages.length > 1)
})
