/** What a part of the node says about itself: it is well, it works with loss, or the node must get no traffic. */
export type Health = { readonly state: 'ok' } | { readonly state: 'degraded' | 'failed'; readonly reason: string }

export type HealthCheck = () => Health | Promise<Health>

export interface HealthReport {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, Health>>
}

/** Asks every part, each for at most `timeoutMs`. Only a failed one takes the node out of service. */
export async function checkHealth(
  checks: Readonly<Record<string, HealthCheck>>,
  timeoutMs: number,
): Promise<HealthReport> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await runCheck(check, timeoutMs)] as const),
  )
  return { ready: results.every(([, { state }]) => state !== 'failed'), checks: Object.fromEntries(results) }
}

async function runCheck(check: HealthCheck, timeoutMs: number): Promise<Health> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Health>((resolve) => {
    timer = setTimeout(() => resolve({ state: 'failed', reason: `no answer in ${timeoutMs} ms` }), timeoutMs)
  })
  try {
    return await Promise.race([check(), late])
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.name : 'unknown' }
  } finally {
    clearTimeout(timer)
  }
}
