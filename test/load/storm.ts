import { check } from 'k6'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { ChatPartner } from './chat-partner.ts'
import { delay, until } from './delay.ts'
import { p99Below, reconnectMs, reconnects } from './metrics.ts'
import { Reader } from './reader.ts'
import { RAMP_MS, requireAccount, seconds, settings } from './settings.ts'

/**
 * All devices lose their connections at once and come back at once, again and again, while some pairs stay and write to
 * each other. Who is refused by a node with too much to do comes again, as the SDK does.
 */

const LEAST_STORM_EVERY_MS = 15_000
const PATIENCE_MS = 30_000
const { vus, writers, durationMs, rate, p99Ms } = settings
const reconnectP99Ms = Math.max(10_000, p99Ms)
const sendP99Ms = Math.max(2_000, p99Ms)
const storms = Math.max(1, Math.floor(durationMs / LEAST_STORM_EVERY_MS))
const stormEveryMs = durationMs / storms
const maxDuration = seconds(RAMP_MS + durationMs + 3 * PATIENCE_MS)
const messages = Math.max(1, Math.round((durationMs / 1_000) * rate))
const intervalMs = durationMs / messages

export const options: Options = {
  scenarios: {
    storm: { executor: 'per-vu-iterations', exec: 'storm', vus, iterations: 1, maxDuration },
    writers: { executor: 'per-vu-iterations', exec: 'write', vus: writers, iterations: 1, maxDuration },
  },
  thresholds: {
    reconnect_ms: [p99Below(reconnectP99Ms)],
    reconnects: [`count==${vus * storms}`],
    accepted_ms: [p99Below(sendP99Ms)],
    delivery_ms: [p99Below(sendP99Ms)],
    messages_received: [`count==${writers * messages}`],
    errors: ['rate==0'],
    checks: ['rate==1'],
  },
}

/** A device that loses its connections. */
export async function storm(): Promise<void> {
  const index = exec.scenario.iterationInTest
  const reader = new Reader(requireAccount(index))
  const { startTime } = exec.scenario
  await delay((index / vus) * RAMP_MS)
  await reader.comeBack(startTime + RAMP_MS + PATIENCE_MS)
  for (let i = 0; i < storms; i++) {
    const stormAt = startTime + RAMP_MS + (i + 0.5) * stormEveryMs
    await delay(stormAt - Date.now())
    const connected = await reader.comeBack(stormAt + PATIENCE_MS)
    await until(() => reader.caughtUpAt !== undefined, stormAt + PATIENCE_MS)
    const { caughtUpAt } = reader
    if (caughtUpAt !== undefined) {
      reconnectMs.add(caughtUpAt - stormAt)
      reconnects.add(1)
    }
    check(reader, { 'the device came back': () => connected && caughtUpAt !== undefined })
  }
  await reader.device.leave()
}

/** One of those who stay and write. */
export async function write(): Promise<void> {
  const index = exec.scenario.iterationInTest
  const partner = new ChatPartner(requireAccount(vus + index), requireAccount(vus + (index ^ 1)))
  const writeFrom = exec.scenario.startTime + RAMP_MS
  await partner.device.connect()
  await delay(writeFrom - Date.now() + Math.random() * intervalMs)
  for (let i = 0; i < messages && partner.device.isOpen; i++) {
    partner.write()
    await delay(intervalMs)
  }
  await until(() => partner.isSettled && partner.received === messages, Date.now() + PATIENCE_MS)
  check(partner, {
    'who stayed could write': () => partner.isSettled,
    'who stayed got every message, once and in order': () => partner.received === messages,
  })
  await partner.device.leave()
}
