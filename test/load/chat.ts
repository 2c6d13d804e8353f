import { check } from 'k6'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { ChatPartner } from './chat-partner.ts'
import { delay, until } from './delay.ts'
import { p99Below } from './metrics.ts'
import { RAMP_MS, requireAccount, seconds, settings } from './settings.ts'

/**
 * Pairs who write to each other at a steady rate: typing, send, ✓, delivery, acknowledgement, ✓✓, READ. Everybody comes
 * within the ramp, writes a fixed number of messages, and leaves when all of them are read.
 */

const SETTLE_MS = 30_000
const { vus, durationMs, rate, p99Ms } = settings
const messages = Math.max(1, Math.round((durationMs / 1_000) * rate))
const intervalMs = durationMs / messages

export const options: Options = {
  scenarios: {
    chat: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      maxDuration: seconds(RAMP_MS + durationMs + 2 * SETTLE_MS),
    },
  },
  thresholds: {
    accepted_ms: [p99Below(p99Ms)],
    delivery_ms: [p99Below(p99Ms)],
    messages_sent: [`count==${vus * messages}`],
    messages_received: [`count==${vus * messages}`],
    errors: ['rate==0'],
    checks: ['rate==1'],
  },
}

export default async function chat(): Promise<void> {
  const index = exec.scenario.iterationInTest
  const partner = new ChatPartner(requireAccount(index), requireAccount(index ^ 1))
  const writeFrom = exec.scenario.startTime + RAMP_MS
  await delay((index / vus) * RAMP_MS)
  const connected = await partner.device.connect()
  await delay(writeFrom - Date.now() + Math.random() * intervalMs)
  for (let i = 0; i < messages && partner.device.isOpen; i++) {
    partner.typing()
    await delay(intervalMs / 2)
    partner.write()
    await delay(intervalMs / 2)
  }
  const settled = await until(
    () => partner.isSettled && partner.received === messages,
    writeFrom + durationMs + SETTLE_MS,
  )
  check(partner, {
    'the device connected': () => connected,
    'each message got ✓, ✓✓ and READ': () => partner.isSettled,
    'each message of the other one came, once and in order': () => partner.received === messages,
  })
  if (!settled) partner.device.fail('Not everything came in time')
  await partner.device.leave()
}
