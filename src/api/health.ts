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

/**
 * Something that is asked for much more often than it can change: whoever asks while it is being found out, or within
 * `shareMs` after, gets the same answer. It must not reject.
 * @param now - ms that never go back
 */
export function shared<Answer>(find: () => Promise<Answer>, shareMs: number, now: () => number): () => Promise<Answer> {
  let until = 0
  let answer: Promise<Answer> | undefined
  return () => {
    if (answer !== undefined && now() < until) return answer
    until = Infinity
    answer = find().finally(() => {
      until = now() + shareMs
    })
    return answer
  }
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
