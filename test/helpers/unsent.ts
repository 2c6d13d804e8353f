import { newClientId } from '../../client/client-id.ts'
import { systemClock } from '../../client/clock.ts'
import { ServerClock } from '../../client/server-clock.ts'
import { encodeContent } from '../../client/content.ts'
import { textContent } from '../../client/contents.ts'
import { choosePrimitives } from '../../client/crypto/primitives/platform.ts'
import { DeviceState } from '../../client/device-state.ts'
import type { Store } from '../../client/node.ts'
import { encodeOutboxEntry, keys } from '../../client/records.ts'
import { readSelf } from '../../client/secrecy/self.ts'
import { Sealer } from '../../client/secrecy/sealer.ts'
import { Kind } from '../../proto/frames.ts'
import { KeyStation } from '../client/helpers/key-station.ts'

/** Leaves a message in the outbox of a device's store: encrypted, and sent by nobody. */
export async function leaveUnsent(store: Store, from: number, to: number, text: string): Promise<void> {
  const primitives = await choosePrimitives()
  await store.transaction(async (transaction) => {
    const self = await readSelf(transaction)
    const device = await DeviceState.read(transaction)
    if (self === undefined) throw new Error(`The device of ${from} has no keys`)
    const sealer = new Sealer({
      primitives,
      clock: new ServerClock(systemClock),
      server: new KeyStation().as(self.address),
      self: { current: self, write: () => {} },
      policy: { acceptsIdentities: true, hosted: 'show' },
      inStore: (work) => work(transaction),
    })
    const id = newClientId()
    const content = encodeContent(textContent({ id, chat: to, sentAtMs: systemClock.now(), text }))
    const order = device.takeOrder()
    const entry = { id, order, to, kind: Kind.MESSAGE, content, about: [], copies: [], sealed: false }
    const sealed = await sealer.seal(transaction, entry)
    if (sealed.type !== 'sealed') throw new Error(`It could not be encrypted: ${sealed.type}`)
    device.write(transaction)
    transaction.put(keys.outbox(order), encodeOutboxEntry(sealed.entry))
  })
}
