import { Kind } from '../../proto/frames.ts'
import type { DeviceDifference, SendFrame } from '../../proto/frames.ts'
import type { DeviceId } from '../shared/ids.ts'
import type { DeviceList } from './directory.ts'

/**
 * Holds the copies of a send against the recipient's device list: a DEVICE_EVENT may name any of them, all else names
 * each exactly once. `sendingDevice` is set when somebody sends to its own other devices.
 */
export function compareDevices(
  devices: DeviceList,
  frame: SendFrame,
  sendingDevice: DeviceId | undefined,
): DeviceDifference | undefined {
  const single = devices.length === 1 && frame.copies.length === 1 && sendingDevice === undefined
  if (single && fits(devices[0]!, frame.copies[0]!)) return undefined
  const wanted = devices.filter(({ device }) => device !== sendingDevice)
  const listed = new Map(wanted.map((entry) => [entry.device as number, entry]))
  const named = new Set<number>()
  const extra: number[] = []
  const stale: number[] = []
  for (const copy of frame.copies) {
    const entry = listed.get(copy.device)
    if (entry === undefined || named.has(copy.device)) extra.push(copy.device)
    else if (!fits(entry, copy)) stale.push(copy.device)
    named.add(copy.device)
  }
  const missing = frame.kind === Kind.DEVICE_EVENT ? [] : [...listed.keys()].filter((device) => !named.has(device))
  return missing.length + extra.length + stale.length === 0 ? undefined : { missing, extra, stale }
}

function fits(
  entry: { readonly device: number; readonly registrationId: number },
  copy: { readonly device: number; readonly registrationId: number },
): boolean {
  if (entry.device !== copy.device) return false
  return copy.registrationId === 0 || entry.registrationId === 0 || copy.registrationId === entry.registrationId
}
