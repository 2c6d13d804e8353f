import type { OwnDeviceInfo } from '../../client/index.ts'
import type { Page } from './page.ts'
import { oneLine } from './text.ts'
import { dayName, inSentence, lastUsed } from './times.ts'

const NAME_COLUMNS = 40

/** The devices of the account. */
export function devicesPage(devices: readonly OwnDeviceInfo[], isPrimary: boolean, now: number): Page {
  const how = isPrimary
    ? ['/link <code> links one that was started with --link; /devices remove <number> takes one off.']
    : ['Only device 1 links and removes others.']
  return { lines: ['Your devices', '', ...devices.flatMap((one) => [...linesOf(one, now), '']), ...how] }
}

function linesOf(device: OwnDeviceInfo, now: number): string[] {
  const { current, hosted, signed, createdAt, lastUsedAt } = device
  return [
    `  ${device.device}  ${nameOf(device)}${current ? '  ← this one' : ''}`,
    `     since ${inSentence(dayName(createdAt, now))}, ${lastUsed(lastUsedAt, now)}`,
    signed ? '     signed with your account key' : '     ✗ not signed: nothing is encrypted for it',
    ...(hosted ? ['     ✗ hosted: the operator of the server can read what it gets and sends'] : []),
  ]
}

/** As the device calls itself. */
export function nameOf({ name }: Pick<OwnDeviceInfo, 'name'>): string {
  return oneLine(name, NAME_COLUMNS)
}
