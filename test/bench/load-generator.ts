/** A load generator, in a process of its own: it holds both ends of its pairs, so one clock times every message. */
import { cpuMs } from './process-usage.ts'
import type { Load, LoadApi, LoadSample, OpenOptions } from './load.ts'
import type { Pair } from './pair.ts'
import { makePayload, ParleyPair } from './parley-pair.ts'
import { RelayPair } from './relay-pair.ts'
import { serve } from './rpc.ts'
import { forEachOf } from './socket.ts'
import { Tally } from './tally.ts'

/** Connections opened at a time. */
const CONCURRENCY = 50
const FINISH_TIMEOUT_MS = 30_000
const TICK_MS = 1

class LoadGenerator implements LoadApi {
  readonly #tally = new Tally()
  readonly #pairs: Record<Load['target'], Pair[]> = { server: [], relay: [] }
  #active: readonly Pair[] = []
  #pacer: NodeJS.Timeout | undefined

  async open(options: OpenOptions): Promise<void> {
    const payload = makePayload(options.payloadBytes)
    await forEachOf(options.pairs, CONCURRENCY, async (accounts) => {
      this.#pairs.server.push(await ParleyPair.open(options, accounts, payload, this.#tally))
    })
    const relayPairs = Array.from({ length: options.relayPairs }, (_, i) => options.firstRelayPair + i)
    await forEachOf(relayPairs, CONCURRENCY, async (pair) => {
      this.#pairs.relay.push(await RelayPair.open(options.relayUrl, 2 * pair, options.payloadBytes, this.#tally))
    })
  }

  start(load: Load): void {
    this.#active = this.#pairs[load.target].slice(0, load.pairs)
    if (this.#active.length < load.pairs) throw new Error(`There are no ${load.pairs} pairs`)
    for (const pair of this.#active) pair.start(load)
    if (load.perSecond !== undefined) this.#pace(load.perSecond)
  }

  mark(): void {
    this.#tally.mark()
  }

  sample(): LoadSample {
    const { counts, surprise, latencies } = this.#tally
    return { counts, surprise, latencies, cpuMs: cpuMs(process.pid) }
  }

  async finish(): Promise<void> {
    clearInterval(this.#pacer)
    for (const pair of this.#active) pair.stop()
    const deadline = performance.now() + FINISH_TIMEOUT_MS
    while (!this.#active.every((pair) => pair.idle) && performance.now() < deadline) {
      await new Promise((resolve) => {
        setTimeout(resolve, 10)
      })
    }
  }

  /** Sends at even intervals, by all pairs in turn. */
  #pace(perSecond: number): void {
    const startedAt = performance.now()
    let sent = 0
    this.#pacer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000)
      for (; sent < due; sent++) this.#active[sent % this.#active.length]!.sendOne()
    }, TICK_MS)
  }
}

serve(new LoadGenerator())
