import test from 'ava'
import { call, register } from '../helpers/http.ts'
import { startServer } from '../helpers/server.ts'

test('a phone number is registered with the code that was sent to it', async (t) => {
  const server = await startServer(t)
  const account = await register(server, '+15550000001', { device: { name: 'Phone', platform: 'Linux' } })
  t.is(account.user, '15550000001')
  t.is(account.device, 1)
  t.regex(account.token, /^15550000001\.1\.[\w-]{43}$/)
  t.is((await call(`${server.url}/livez`)).status, 200)
})
