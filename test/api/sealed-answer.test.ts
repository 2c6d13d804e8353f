import test from 'ava'
import * as fc from 'fast-check'
import { hashParts, openAnswer, sealAnswer } from '../../src/api/sealed-answer.ts'

const BODY = Buffer.from('{"code":"123456"}')

test('an answer opens with the key and body that it was sealed with, and nothing else', (t) => {
  const answer = { status: 201, body: { token: 'secret' } }
  const sealed = sealAnswer(answer, 'key', BODY)
  t.false(sealed.includes('secret'))
  t.deepEqual(openAnswer(sealed, 'key', BODY), answer)
  t.throws(() => openAnswer(sealed, 'other', BODY))
  t.throws(() => openAnswer(sealed, 'key', Buffer.from('{}')))
  sealed[sealed.length - 1]! ^= 1
  t.throws(() => openAnswer(sealed, 'key', BODY))
})

test('an answer without a body is kept too', (t) => {
  t.deepEqual(openAnswer(sealAnswer({ status: 204 }, 'k', BODY), 'k', BODY), { status: 204 })
})

test('parts that are cut elsewhere have another hash', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string({ minLength: 1 }), (a, b, cut) => {
      return !hashParts(a + cut, b).equals(hashParts(a, cut + b))
    }),
  )
  t.pass()
})
