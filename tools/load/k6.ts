import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ScenarioName } from './scenarios.ts'

/** A line of k6's summary; which fields it has depends on the sort of the metric. */
export interface K6Metric {
  readonly count?: number
  /** Of a rate: the share of what was true. */
  readonly value?: number
  readonly passes?: number
  readonly fails?: number
  readonly med?: number
  readonly 'p(95)'?: number
  readonly 'p(99)'?: number
  readonly max?: number
  /** By expression: whether it was broken. */
  readonly thresholds?: Readonly<Record<string, boolean>>
}

export interface K6Result {
  /** 0: all thresholds held. 99: one did not. Others: it could not run. */
  readonly code: number
  /** Empty when it could not run. */
  readonly metrics: Readonly<Record<string, K6Metric>>
}

const STATS = 'med,p(95),p(99),max,count'

/** One run of k6, whose progress and summary go to the terminal. */
export class K6 {
  readonly #program: string
  #child: ChildProcess | undefined

  constructor(program: string) {
    this.#program = program
  }

  /** @param directory - for the summary */
  async run(
    scenario: ScenarioName,
    variables: Readonly<Record<string, string | number>>,
    directory: string,
  ): Promise<K6Result> {
    const summary = join(directory, 'summary.json')
    const script = fileURLToPath(new URL(`../../test/load/${scenario}.ts`, import.meta.url))
    const flags = ['--no-usage-report', '--summary-trend-stats', STATS, '--summary-export', summary, '--address', '']
    const assignments = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    const child = spawn(this.#program, ['run', ...flags, ...assignments, script], {
      stdio: ['ignore', 'inherit', 'inherit'],
      // Ctrl-C in a terminal under npm arrives twice, which k6 takes for impatience: it is passed on once.
      detached: true,
    })
    this.#child = child
    process.once('exit', () => child.kill())
    const [code] = (await once(child, 'exit')) as [number | null]
    const text = await readFile(summary, 'utf8').catch(() => '{}')
    const { metrics = {} } = JSON.parse(text) as { metrics?: K6Result['metrics'] }
    return { code: code ?? 1, metrics }
  }

  /** Has it end in good order, with its summary. */
  stop(): void {
    this.#child?.kill('SIGINT')
  }
}
