import { linkDevice, memoryStore } from '../../../client/index.ts'
import type { Client, Store } from '../../../client/index.ts'

/** Links one more device to the account of a primary one, whose person agrees: its store. */
export async function addDevice(url: string, primary: Client): Promise<Store> {
  const store = memoryStore()
  const { promise: code, resolve: showCode } = Promise.withResolvers<string>()
  const linked = linkDevice(url, { store, name: 'Further', platform: 'test', showCode, showDigits: () => {} })
  await Promise.all([primary.devices.link(await code, async () => true), linked])
  return store
}
