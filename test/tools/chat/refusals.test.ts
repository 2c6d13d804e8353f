import test from 'ava'
import { findLinkingText, refusalText } from '../../../tools/chat/refusals.ts'

test('a refusal is told in words, and of a later version as it came', (t) => {
  t.is(refusalText('UNKNOWN_USER', 'x'), 'nobody is registered under that number')
  t.regex(refusalText('DEVICE_LIST_FORK', 'x'), /\/safety/)
  t.is(refusalText('OF_A_LATER_VERSION', 'as it came'), 'as it came')
})

test('while a device is linked the same code means something else', (t) => {
  t.regex(findLinkingText('MALFORMED') ?? '', /code is incomplete/)
  t.is(findLinkingText('RATE_LIMITED'), undefined)
})
