import { check } from 'k6'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { Author } from './author.ts'
import { until } from './delay.ts'
import { drainMs, mailboxesDrained, p99Below } from './metrics.ts'
import { Reader } from './reader.ts'
import { requireAccount, seconds, settings } from './settings.ts'

/**
 * Mailboxes fill while their devices are away (setup), the devices come all at once and drain them, and the authors come
 * back and get ✓✓ for everything (teardown).
 */

const { vus, messages, durationMs, p99Ms } = settings
const drainP99Ms = Math.max(10_000, p99Ms)
const PATIENCE_MS = Math.max(60_000, durationMs)

export const options: Options = {
  scenarios: {
    drain: { executor: 'per-vu-iterations', vus, iterations: 1, maxDuration: seconds(2 * PATIENCE_MS) },
  },
  setupTimeout: seconds(2 * PATIENCE_MS),
  teardownTimeout: seconds(2 * PATIENCE_MS),
  thresholds: {
    drain_ms: [p99Below(drainP99Ms)],
    mailboxes_drained: [`count==${vus}`],
    messages_sent: [`count==${vus * messages}`],
    messages_received: [`count==${vus * messages}`],
    errors: ['rate==0'],
    checks: ['rate==1'],
  },
}

export async function setup(): Promise<void> {
  await withAuthors(async (author) => {
    const accepted = await author.write(messages, Date.now() + PATIENCE_MS)
    check(author, { 'each message got ✓ while its recipient was away': () => accepted })
    if (!accepted) author.device.fail('Not all of its messages got ✓')
  })
}

export default async function drain(): Promise<void> {
  const reader = new Reader(requireAccount(exec.scenario.iterationInTest))
  const dialledAt = Date.now()
  await reader.connect()
  await until(() => reader.caughtUpAt !== undefined && reader.received === messages, dialledAt + PATIENCE_MS)
  const { caughtUpAt } = reader
  if (caughtUpAt !== undefined) {
    drainMs.add(caughtUpAt - dialledAt)
    mailboxesDrained.add(1)
  }
  check(reader, {
    'the device caught up': () => caughtUpAt !== undefined,
    'each message came, once and in order': () => reader.received === messages,
  })
  await reader.device.leave()
}

export async function teardown(): Promise<void> {
  await withAuthors(async (author) => {
    const delivered = await until(() => author.delivered === messages, Date.now() + PATIENCE_MS)
    check(author, { 'each message got ✓✓': () => delivered })
    if (!delivered) author.device.fail(`Only ${author.delivered} of ${messages} messages got ✓✓`)
  })
}

async function withAuthors(work: (author: Author) => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: vus }, async (_, i) => {
      const author = new Author(requireAccount(vus + i), requireAccount(i))
      await author.device.connect()
      await work(author)
      await author.device.leave()
    }),
  )
}
