import test from 'ava'
import { parseConfig } from '../../config/config.ts'
import { defaultLimits } from '../../config/limits.ts'
import { expiryProbes } from './expiry-probes.ts'
import { httpProbes } from './http-probes.ts'
import { idempotencyProbes } from './idempotency-probes.ts'
import { mailboxProbes } from './mailbox-probes.ts'
import { describeLimit, readLimitsTable } from './limits-table.ts'
import type { Probes } from './probe.ts'
import { registrationProbes } from './registration-probes.ts'
import { silenceProbes } from './silence-probes.ts'
import { socketProbes } from './socket-probes.ts'

const probes = new Map(
  Object.entries({
    ...socketProbes,
    ...silenceProbes,
    ...mailboxProbes,
    ...httpProbes,
    ...idempotencyProbes,
    ...expiryProbes,
    ...registrationProbes,
  } satisfies Probes),
)
const rows = await readLimitsTable()

test('the table says what the defaults are', (t) => {
  const config = parseConfig()
  for (const { limit, value } of rows) t.deepEqual(value, describeLimit(config, limit), limit)
})

test('each line of the table is tried, and what is tried stands in the table once', (t) => {
  t.deepEqual(rows.map(({ limit }) => limit).sort(), [...probes.keys()].sort())
})

test('every bucket of LIMITS stands in the table', (t) => {
  const missing = Object.keys(defaultLimits).filter((name) => rows.every(({ limit }) => limit !== `limits.${name}`))
  t.deepEqual(missing, [])
})

for (const [limit, probe] of probes) {
  // One node at a time: together they would be slow, and some of them wait for time-outs.
  test.serial(`beyond ${limit} happens what the table says`, async (t) => {
    const row = rows.find((one) => one.limit === limit)
    t.deepEqual(await probe(t), row?.beyond)
  })
}
