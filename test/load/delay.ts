const POLL_MS = 100

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms))
  })
}

/** @returns whether it was so before the deadline, in ms since 1970 */
export async function until(condition: () => boolean, deadline: number): Promise<boolean> {
  while (!condition()) {
    if (Date.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}
