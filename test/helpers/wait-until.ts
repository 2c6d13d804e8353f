const SHORTEST_PAUSE_MS = 5
/** What has taken long is looked at less often: to ask costs time that it may need to come about. */
const LONGEST_PAUSE_MS = 25
const PAUSE_PER_MS = 0.05

/**
 * Resolves as soon as `condition` holds, looked at every few milliseconds; fails with the description after the deadline.
 */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const start = performance.now()
  while (!(await condition())) {
    const waitedMs = performance.now() - start
    if (waitedMs > deadlineMs) throw new Error(`Waited ${deadlineMs} ms in vain until ${description}`)
    const pauseMs = Math.min(Math.max(SHORTEST_PAUSE_MS, waitedMs * PAUSE_PER_MS), LONGEST_PAUSE_MS)
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs)
    })
  }
}
