import test from 'ava'
import fc from 'fast-check'
import { parseUserId } from '../../src/shared/ids.ts'
import { decodeControl, encodeControl } from '../../src/transport/control-protocol.ts'
import { decodeMail, encodeMail } from '../../src/transport/node-mail.ts'
import type { MailItem } from '../../src/transport/node-mail.ts'
import { NodeMailer } from '../../src/transport/node-mailer.ts'
import { decodes } from '../helpers/decodes.ts'

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const data = fc.uint8Array({ maxLength: 100 })
const item: fc.Arbitrary<MailItem> = fc.oneof(
  fc.record({ type: fc.constant('request' as const), number, subject: fc.string(), data }),
  fc.record({ type: fc.constant('reply' as const), number, data }),
  fc.record({ type: fc.constant('nobody' as const), number }),
)

test('mail comes back as it was, and cut anywhere it is mail or a DecodeError', (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/), fc.array(item, { maxLength: 10 }), (node, items) => {
      const bytes = encodeMail({ node, items })
      const back = decodeMail(bytes)
      t.is(back.node, node)
      t.deepEqual(back.items.map(plain), items.map(plain))
      for (let length = 0; length < bytes.length; length++) decodes(() => decodeMail(bytes.subarray(0, length)))
    }),
    { numRuns: 50 },
  )
})

test('what is no mail, and no control message, is decoded or a DecodeError', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodes(() => decodeMail(bytes))
      decodes(() => decodeControl(bytes))
    }),
    { numRuns: 2_000 },
  )
  t.is(decodeControl(new Uint8Array(0)), undefined)
  t.is(decodeControl(Uint8Array.of(8, 0)), undefined)
})

test('a control message names its user', (t) => {
  for (const text of ['1', '15550000001', '999999999999999']) {
    const user = parseUserId(text)!
    t.is(decodeControl(encodeControl(user)), user)
  }
})

test('what gathers for a node leaves as one message, or more when it is large', (t) => {
  const sent: [to: string, items: number][] = []
  const mailer = new NodeMailer('me', (to, mail) => void sent.push([to, decodeMail(mail).items.length]))
  const reply = (bytes: number): MailItem => ({ type: 'reply', number: 1, data: new Uint8Array(bytes) })
  for (let i = 0; i < 3; i++) mailer.add('small', reply(10))
  for (let i = 0; i < 5; i++) mailer.add('large', reply(100_000))
  t.deepEqual(sent, [
    ['large', 2],
    ['large', 2],
  ])
  mailer.flush()
  t.deepEqual(sent.slice(2), [
    ['small', 3],
    ['large', 1],
  ])
  mailer.flush()
  t.is(sent.length, 4)
})

/** A view of a larger buffer equals a copy only as plain numbers. */
function plain(one: MailItem): object {
  return 'data' in one ? { ...one, data: [...one.data] } : one
}
