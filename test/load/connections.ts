import { check } from 'k6'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { delay, until } from './delay.ts'
import { Device } from './device.ts'
import { p99Below } from './metrics.ts'
import { RAMP_MS, requireAccount, seconds, settings } from './settings.ts'

/** Devices connect one after the other, stay without a word, and show at the end that they are still there. */

const PONG_MS = 10_000
const { vus, durationMs, p99Ms } = settings

export const options: Options = {
  scenarios: {
    connections: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      maxDuration: seconds(RAMP_MS + durationMs + 3 * PONG_MS),
    },
  },
  thresholds: {
    connect_ms: [p99Below(p99Ms)],
    sessions: [`count==${vus}`],
    errors: ['rate==0'],
    checks: ['rate==1'],
  },
}

export default async function connections(): Promise<void> {
  const index = exec.scenario.iterationInTest
  let pongs = 0
  const device = new Device(requireAccount(index), {
    frames: (frames) => {
      pongs += frames.filter(({ type }) => type === 'pong').length
    },
  })
  await delay((index / vus) * RAMP_MS)
  const connected = await device.connect()
  await delay(exec.scenario.startTime + RAMP_MS + durationMs - Date.now())
  device.send([{ type: 'ping' }])
  await until(() => pongs > 0 || !device.isOpen, Date.now() + PONG_MS)
  check(device, {
    'the device connected': () => connected,
    'the connection stayed': () => device.isOpen,
    'the server answered at the end': () => pongs === 1,
  })
  await device.leave()
}
