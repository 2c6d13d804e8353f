import type { Account } from './accounts.ts'
import { combine } from './load.ts'
import type { Counts, Latencies, Load, LoadApi } from './load.ts'
import { Program } from './rpc.ts'

export interface LoadGroupOptions {
  readonly generators: number
  readonly authorUrl: string
  readonly readerUrl: string
  readonly relayUrl: string
  /** Two for each pair. */
  readonly accounts: readonly Account[]
  readonly relayPairs: number
  readonly payloadBytes: number
}

/** What all generators have seen together. */
export interface GroupSample {
  readonly counts: Counts
  readonly surprise: string
  readonly latencies: readonly Latencies[]
  readonly cpuMs: number
}

const PROGRAM = new URL('load-generator.ts', import.meta.url)

/** The load generators, as one: each has its share of the pairs. */
export class LoadGroup {
  readonly #programs: readonly Program<LoadApi>[]

  private constructor(programs: readonly Program<LoadApi>[]) {
    this.#programs = programs
  }

  static async open({ generators, accounts, relayPairs, ...options }: LoadGroupOptions): Promise<LoadGroup> {
    const programs = await Promise.all(Array.from({ length: generators }, () => Program.start<LoadApi>(PROGRAM)))
    const group = new LoadGroup(programs)
    const pairs = Array.from({ length: accounts.length / 2 }, (_, i) => ({
      author: accounts[2 * i]!,
      reader: accounts[2 * i + 1]!,
    }))
    const shares = group.#shares(pairs.length)
    const relayShares = group.#shares(relayPairs)
    await group.#all((remote, i) => {
      const { from, count } = shares[i]!
      const relay = relayShares[i]!
      return remote.open({
        ...options,
        pairs: pairs.slice(from, from + count),
        relayPairs: relay.count,
        firstRelayPair: relay.from,
      })
    })
    return group
  }

  async start(load: Load): Promise<void> {
    const shares = this.#shares(load.pairs)
    const { perSecond } = load
    await this.#all((remote, i) =>
      remote.start({
        ...load,
        pairs: shares[i]!.count,
        perSecond: perSecond === undefined ? undefined : perSecond / this.#programs.length,
      }),
    )
  }

  async mark(): Promise<void> {
    await this.#all((remote) => remote.mark(undefined))
  }

  async sample(): Promise<GroupSample> {
    const samples = await this.#all((remote) => remote.sample(undefined))
    return {
      counts: samples.map(({ counts }) => counts).reduce((a, b) => combine(a, b, (x, y) => x + y)),
      surprise: samples.map(({ surprise }) => surprise).find((surprise) => surprise !== '') ?? '',
      latencies: samples.map(({ latencies }) => latencies),
      cpuMs: samples.reduce((total, sample) => total + sample.cpuMs, 0),
    }
  }

  async finish(): Promise<void> {
    await this.#all((remote) => remote.finish(undefined))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()))
  }

  #all<Result>(call: (remote: Program<LoadApi>['remote'], index: number) => Promise<Result>): Promise<Result[]> {
    return Promise.all(this.#programs.map(({ remote }, i) => call(remote, i)))
  }

  /** Of so many things, those of each generator. */
  #shares(total: number): { from: number; count: number }[] {
    const programs = this.#programs.length
    const start = (i: number): number => Math.floor((total * i) / programs)
    return this.#programs.map((_, i) => ({ from: start(i), count: start(i + 1) - start(i) }))
  }
}
