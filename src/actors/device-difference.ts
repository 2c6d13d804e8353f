import { Kind } from '../../proto/frames.ts'
import type { DeviceDifference, SendFrame } from '../../proto/frames.ts'
import type { DeviceId } from '../shared/ids.ts'
import type { DeviceList } from './directory.ts'

/**
 * Holds the copies of a send against the recipient's device list: a DEVICE_EVENT may name any of them, all else names
 * each active one exactly once. `sendingDevice` is set when somebody sends to its own other devices.
 */
export function compareDevices(
  devices: DeviceList,
  frame: SendFrame,
  sendingDevice: DeviceId | undefined,
  nowMs: number,
): DeviceDifference | undefined {
  const single = devices.length === 1 && frame.copies.length === 1 && sendingDevice === undefined
  if (single && fits(devices[0]!, frame.copies[0]!)) return undefined
  const wanted = activeDevices(devices, nowMs).filter(({ device }) => device !== sendingDevice)
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

/** Those that are written to: of an expired device list the primary alone. */
function activeDevices(devices: DeviceList, nowMs: number): DeviceList {
  return devices.every(({ activeUntil }) => activeUntil > nowMs)
    ? devices
    : devices.filter(({ activeUntil }) => activeUntil > nowMs)
}

/** Without keys of its own a device takes what is for any installation. */
function fits(
  entry: { readonly device: number; readonly registrationId: number },
  copy: { readonly device: number; readonly registrationId: number },
): boolean {
  if (entry.device !== copy.device) return false
  return entry.registrationId === 0 || copy.registrationId === entry.registrationId
}
