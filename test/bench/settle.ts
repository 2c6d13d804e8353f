import { setTimeout as delay } from 'node:timers/promises'
import { totalMemory } from './server-under-test.ts'
import type { ServerMemory, ServerUnderTest } from './server-under-test.ts'

const LOOK_MS = 500
/** So long the memory must stay the same, within the tolerance. */
const STEADY_MS = 12_000
const TOLERANCE = 0.002
const TIMEOUT_MS = 90_000

/** The server's resident memory when it has stopped changing: V8 gives back what it does not need after a while. */
export async function settledMemory(server: ServerUnderTest): Promise<ServerMemory> {
  const deadline = performance.now() + TIMEOUT_MS
  let reference = totalMemory(server.memory)
  let since = performance.now()
  while (performance.now() - since < STEADY_MS && performance.now() < deadline) {
    await delay(LOOK_MS)
    const total = totalMemory(server.memory)
    if (Math.abs(total - reference) <= reference * TOLERANCE) continue
    reference = total
    since = performance.now()
  }
  return server.memory
}
