import { Device } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { RawSocket } from '../helpers/raw-socket.ts'
import type { Probes } from './probe.ts'

export const silenceProbes: Probes = {
  'gateway.connectTimeoutMs': async (t) => {
    const server = await startNode(t, { config: { gateway: { connectTimeoutMs: 1 } } })
    const device = await Device.open(server.url)
    return `close ${await device.closing()}`
  },
  'gateway.pongTimeoutMs': async (t) => {
    const gateway = { connectTimeoutMs: 60_000, pingIntervalMs: 2_000, pongTimeoutMs: 1_000 }
    const server = await startNode(t, { config: { gateway } })
    const mute = await RawSocket.open(server.url, 'parley.v1.proto')
    const code = await mute.closeCode()
    mute.destroy()
    return `close ${code}`
  },
}
