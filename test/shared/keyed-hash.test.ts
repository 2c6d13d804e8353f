import test from 'ava'
import { createHmac } from 'node:crypto'
import { createKeyedHash } from '../../src/shared/keyed-hash.ts'

const hex = (secret: string, purpose: string, ...parts: string[]): string =>
  createKeyedHash(secret, purpose)(...parts).toString('hex')

test('it is HMAC-SHA-256 of the parts, under a key that HMAC makes of secret and purpose', (t) => {
  const key = createHmac('sha256', 'secret').update('purpose').digest()
  t.is(hex('secret', 'purpose', 'one', 'two'), createHmac('sha256', key).update('onetwo').digest('hex'))
})

test('another secret, purpose or input is another hash', (t) => {
  const hashes = [
    hex('secret', 'purpose', 'input'),
    hex('secret', 'purpose', 'inputs'),
    hex('secret', 'purposes', 'input'),
    hex('secrets', 'purpose', 'input'),
  ]
  t.is(new Set(hashes).size, hashes.length)
})
