import test from 'ava'
import { isInTheClear } from '../../src/api/in-the-clear.ts'

test('plain http is in the clear unless it stays on this machine', (t) => {
  for (const url of [
    'http://chat.example.org',
    'http://10.0.0.1:3000',
    'http://[2001:db8::1]',
    'http://127.example.org',
  ])
    t.true(isInTheClear(url), url)
  for (const url of [
    'https://chat.example.org',
    'http://localhost:3000',
    'http://parley.localhost',
    'http://127.0.0.2',
    'http://[::1]:3000',
  ])
    t.false(isInTheClear(url), url)
})
