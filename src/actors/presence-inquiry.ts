import type { Bus } from '../transport/bus.ts'
import { encodePresenceRequest } from '../transport/mailbox-protocol.ts'
import { decodePresence } from '../transport/presence-protocol.ts'
import type { PresenceState } from '../transport/presence-protocol.ts'
import { subjects } from '../transport/subjects.ts'
import type { DeviceId, UserId } from '../shared/ids.ts'

const REQUEST = encodePresenceRequest()

/**
 * Asks the mailboxes of a user's devices where they are; nobody there means offline. `hear` gets each answer. Resolves
 * when all have answered, with false if one was silent or could not be understood.
 */
export async function inquire(
  bus: Bus,
  user: UserId,
  devices: readonly DeviceId[],
  hear: (state: PresenceState) => void,
): Promise<boolean> {
  const answers = await Promise.all(devices.map((device) => inquireOne(bus, user, device, hear)))
  return bus.connected && answers.every(Boolean)
}

function inquireOne(bus: Bus, user: UserId, device: DeviceId, hear: (state: PresenceState) => void): Promise<boolean> {
  return new Promise((resolve) => {
    bus.request(subjects.mailbox({ user, device }), () => REQUEST, {
      onReply: (data) => {
        try {
          const message = decodePresence(data)
          if (message.type === 'state') hear(message)
          resolve(message.type === 'state')
        } catch {
          resolve(false)
        }
        return true
      },
      onNoResponders: () => resolve(true),
      onTimeout: () => resolve(false),
    })
  })
}
