import { Device, message } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import { limited } from './limited.ts'
import type { Probes } from './probe.ts'

export const socketProbes: Probes = {
  'gateway.maxMessageBytes': async (t) => {
    const server = await startNode(t, { config: { gateway: { maxMessageBytes: 1_024 } } })
    const device = await Device.open(server.url)
    device.sendRaw(new Uint8Array(1_025))
    return `close ${await device.closing()}`
  },
  'limits.send': async (t) => {
    const server = await startNode(t, limited('send', 2))
    const [alice] = await createAccount(server.databaseUrl)
    const [bob] = await createAccount(server.databaseUrl)
    const device = await Device.connect(server.url, alice!.token)
    device.send(message(bob!, '1'), message(bob!, '2'), message(bob!, '3'))
    return `error ${(await device.waitFor('error')).code}`
  },
}
