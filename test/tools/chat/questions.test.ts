import test from 'ava'
import { askCode, askOtherCode, askRecoveryKey } from '../../../tools/chat/questions.ts'
import type { Ask } from '../../../tools/chat/choose-account.ts'

const KEY = 'hs18xjk5ppoed3ylc1263mh77xyzmj1aj1qy3cx04yqn77kyn4pfbjohge5xcim0'

/** Somebody who types these lines, and how often they were asked. */
function answering(...lines: readonly string[]): { ask: Ask; left: () => number } {
  const rest = [...lines]
  return { ask: () => Promise.resolve(rest.shift()), left: () => rest.length }
}

test('a code is read as people type and copy it, and asked for until it is one', async (t) => {
  for (const typed of ['123456', ' 123 456 ', '123-456', '١٢٣٤٥٦', '１２３４５６', '123456 is your Parley code'])
    t.is(await askCode(answering(typed).ask), '123456', typed)
  const many = answering('12345', '1234567', 'abcdef', '', '123456')
  t.is(await askCode(many.ask), '123456')
  t.is(many.left(), 0)
  await t.throwsAsync(askCode(answering('12345').ask), { message: /not finished/ })
})

test('after a wrong code Enter alone asks for a new one', async (t) => {
  t.is(await askOtherCode(answering('12', '123456').ask), '123456')
  t.is(await askOtherCode(answering('  ').ask), undefined)
})

test('a recovery key is taken in one, in groups, in capitals or in parts', async (t) => {
  const groups = KEY.replaceAll(/(.{4})/g, '$1 ').toUpperCase()
  t.is(await askRecoveryKey(answering(groups).ask), KEY)
  t.is(await askRecoveryKey(answering(groups.slice(0, 40), groups.slice(40)).ask), KEY)
  const parts = [0, 16, 32, 48].map((from) => KEY.slice(from, from + 16))
  t.is(await askRecoveryKey(answering(...parts).ask), KEY)
})

test('what is wrong of a recovery key is typed again, and nothing else of it', async (t) => {
  t.is(await askRecoveryKey(answering(KEY.slice(0, 32), `${KEY.slice(32, 63)}!`, KEY.slice(32)).ask), KEY)
  t.is(await askRecoveryKey(answering(KEY.slice(0, 32), `${KEY.slice(32)}x`, KEY.slice(32)).ask), KEY)
  t.is(await askRecoveryKey(answering('too short', KEY).ask), KEY)
  t.is(await askRecoveryKey(answering(`${KEY}x`, KEY).ask), KEY)
})
