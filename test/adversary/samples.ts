import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { rssBytes } from '../bench/process-usage.ts'
import type { NodeProcess } from '../faults/node-process.ts'
import type { Arena } from './arena.ts'

/** What was seen of the nodes while an attack went on. Times in ms; the most of all nodes. */
export interface Samples {
  /** Of each answer of `/livez` and `/readyz`. One that did not come counts as long as was waited. */
  readonly liveMs: readonly number[]
  readonly readyMs: readonly number[]
  /** Answers of either that were no 200, and requests without one, by what there was instead. */
  readonly unhealthy: Readonly<Record<string, number>>
  readonly heapBytes: number
  readonly rssBytes: number
  /** Of the event loop, as its own histogram says. */
  readonly loopDelayMs: number
  readonly files: number
  /** To so many nodes no client was led, at the most. */
  readonly nodesDown: number
}

const PROBE_MS = 100
const SAMPLE_MS = 500
const PATIENCE_MS = 10_000
/** Of this machine, for which a full node keeps places to be asked how it is: never that of an attacker. */
const OWN_ADDRESS = '127.0.0.1'

/** Looks at an arena until the signal comes. */
export async function watchArena(arena: Arena, signal: AbortSignal): Promise<Samples> {
  const seen = { heapBytes: 0, rssBytes: 0, loopDelayMs: 0, files: 0, nodesDown: 0 }
  const unhealthy: Record<string, number> = {}
  const liveMs: number[] = []
  const readyMs: number[] = []
  const probe = async (node: NodeProcess, path: string, times: number[]): Promise<void> => {
    while (!signal.aborted) {
      const { status, ms, text } = await get(`${node.url}${path}`)
      times.push(ms)
      if (status !== 200) {
        const what = `${path} ${status === 0 ? text : status}`
        unhealthy[what] = (unhealthy[what] ?? 0) + 1
      }
      await pause(PROBE_MS, signal)
    }
  }
  const look = async (node: NodeProcess): Promise<void> => {
    while (!signal.aborted) {
      if (node.runs) {
        seen.rssBytes = Math.max(
          seen.rssBytes,
          orZero(() => rssBytes(node.pid)),
        )
        seen.files = Math.max(
          seen.files,
          orZero(() => readdirSync(`/proc/${node.pid}/fd`).length),
        )
      }
      const { heapBytes, loopDelayMs } = await readMetrics(node)
      seen.heapBytes = Math.max(seen.heapBytes, heapBytes)
      seen.loopDelayMs = Math.max(seen.loopDelayMs, loopDelayMs)
      await pause(SAMPLE_MS, signal)
    }
  }
  const count = async (): Promise<void> => {
    while (!signal.aborted) {
      const up = await arena.nodesUp().catch(() => 0)
      seen.nodesDown = Math.max(seen.nodesDown, arena.nodes.length - up)
      await pause(SAMPLE_MS, signal)
    }
  }
  await Promise.all([
    count(),
    ...arena.nodes.flatMap((node) => [probe(node, '/livez', liveMs), probe(node, '/readyz', readyMs), look(node)]),
  ])
  return { ...seen, unhealthy, liveMs, readyMs }
}

/** What a node tells of itself: the longest delay of its event loop since it was last asked. All 0: it does not answer. */
export async function readMetrics(
  node: NodeProcess,
): Promise<{ readonly heapBytes: number; readonly loopDelayMs: number; readonly cpuSeconds: number }> {
  const { text } = await get(`${node.url}/metrics`)
  const read = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  return {
    heapBytes: read('nodejs_heap_size_used_bytes'),
    loopDelayMs: read('nodejs_eventloop_lag_max_seconds') * 1_000,
    cpuSeconds: read('process_cpu_seconds_total'),
  }
}

/** A request on a connection of its own. Status 0: there was no answer, and `text` says why. */
function get(url: string): Promise<{ status: number; ms: number; text: string }> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const done = (status: number, text: string): void => resolve({ status, ms: performance.now() - startedAt, text })
    const fail = (error: NodeJS.ErrnoException): void => done(0, error.code ?? error.name)
    const options = { localAddress: OWN_ADDRESS, agent: false, signal: AbortSignal.timeout(PATIENCE_MS) }
    request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => done(response.statusCode ?? 0, text))
      response.on('error', fail)
    })
      .on('error', fail)
      .end()
  })
}

function orZero(read: () => number): number {
  try {
    // Of a process that is just ending nothing is known.
    return read() || 0
  } catch {
    // It has just ended.
    return 0
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
}
