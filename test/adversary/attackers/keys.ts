import { encodeBase64 } from '../../../proto/base64.ts'
import { damaged, TestAccountKeys } from '../../helpers/keys.ts'
import { attacker } from '../attacker.ts'
import { request } from '../means.ts'

export const preKeyDrain = attacker({
  name: 'pre-key-drain',
  about: '20 strangers take the one-time pre-keys of a victim, as fast as they can',
  accounts: 21,
  run: async (target, signal) => {
    const victim = target.accounts[20]!
    const keys = await TestAccountKeys.create(victim.user)
    const owner = await target.http(target.address(200))
    await owner?.call('/v1/devices/list', { method: 'PUT', token: victim.token, body: keys.listBody() })
    await owner?.call('/v1/keys', {
      method: 'PUT',
      token: victim.token,
      body: await keys.primary.preKeys({ opks: 100, pqOpks: 20 }),
    })
    owner?.wire.destroy()
    await request(target, signal, 20, (client, _, index) =>
      client.call(`/v1/keys/${victim.user}/take`, { token: target.accounts[index % 20]!.token, body: {} }),
    )
  },
})

export const keyUploads = attacker({
  name: 'key-uploads',
  about: 'Device lists and pre-keys with signatures that are wrong, which cost the server a check each',
  refusedBy: ['422 BAD_SIGNATURE', '429 RATE_LIMITED'],
  run: async (target, signal) => {
    const { user, token } = target.accounts[0]!
    const keys = await TestAccountKeys.create(user)
    const body = { list: encodeBase64(damaged(keys.tip)), certs: keys.listBody().certs }
    await request(target, signal, 10, (client) => client.call('/v1/devices/list', { method: 'PUT', token, body }))
  },
})
