import test from 'ava'
import { newClientId } from '../../../client/client-id.ts'
import { encodeContent } from '../../../client/content.ts'
import { textContent } from '../../../client/contents.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import { findSent, writeSent } from '../../../client/secrecy/send-log.ts'
import { Kind } from '../../../proto/frames.ts'

const to = 15550000002
const address = { user: to, device: 1 }

test('what was sent is found for the same installation under the same account key, and for nobody who copied its number', async (t) => {
  const id = newClientId()
  const content = encodeContent(textContent({ id, chat: to, sentAtMs: 1, text: 'Hello' }))
  const copies = [{ device: 1, registrationId: 77, payload: new Uint8Array(1) }]
  await memoryStore().transaction(async (transaction) => {
    const entry = { id, order: 1, to, kind: Kind.MESSAGE, content, about: [], copies, sealed: true }
    writeSent(transaction, entry, 'old key', 5)
    t.like(await findSent(transaction, id, address, 77, 'old key'), { id, account: 'old key' })
    t.is(await findSent(transaction, id, address, 77, 'new key'), undefined)
    t.is(await findSent(transaction, id, address, 78, 'old key'), undefined)
  })
})
