import { randomUUID } from 'node:crypto'
import test from 'ava'
import { isClientId } from '../../proto/limits.ts'

test('a client id is a UUID of 36 characters in either case', (t) => {
  const id = randomUUID()
  t.true(isClientId(id))
  t.true(isClientId(id.toUpperCase()))
  t.true(isClientId('00000000-0000-0000-0000-000000000000'))
  const wrong = [
    '',
    'a',
    id.slice(1),
    `${id}\n`,
    ` ${id.slice(1)}`,
    `{${id}}`,
    id.replaceAll('-', ''),
    `g${id.slice(1)}`,
  ]
  for (const text of [...wrong, id.replace('-', '_'), `${id.slice(0, 35)}é`]) t.false(isClientId(text), text)
})
