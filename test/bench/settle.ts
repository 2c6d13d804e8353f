import { setTimeout as delay } from 'node:timers/promises'
import type { ServerUnderTest } from './server-under-test.ts'

const LOOK_MS = 500
/** So long the memory must stay the same, within the tolerance. */
const STEADY_MS = 12_000
const TOLERANCE = 0.002
const TIMEOUT_MS = 90_000

/** The node's resident memory when it has stopped changing: V8 gives back what it does not need after a while. */
export async function settledRss(server: ServerUnderTest): Promise<number> {
  const deadline = performance.now() + TIMEOUT_MS
  let reference = server.rssBytes
  let since = performance.now()
  while (performance.now() - since < STEADY_MS && performance.now() < deadline) {
    await delay(LOOK_MS)
    const rss = server.rssBytes
    if (Math.abs(rss - reference) <= reference * TOLERANCE) continue
    reference = rss
    since = performance.now()
  }
  return server.rssBytes
}
