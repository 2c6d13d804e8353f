/** Resolves as soon as `condition` holds, looked at every few milliseconds; fails with the description after the deadline. */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 20_000,
): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${deadlineMs} ms in vain until ${description}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}
