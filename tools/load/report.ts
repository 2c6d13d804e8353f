import Table from 'cli-table3'
import type { K6Metric, K6Result } from './k6.ts'

export interface Report {
  readonly name: string
  readonly vus: number
  /** undefined: it uses no WebSocket. */
  readonly encoding: string | undefined
  readonly result: K6Result
}

/** The measures of the scripts in words, in the order of a message's life. Others of k6 stand in its own summary. */
const words: Readonly<Record<string, string>> = {
  connect_ms: 'dialling to connected',
  reconnect_ms: 'connection lost to caught up',
  drain_ms: 'dialling to the last message',
  accepted_ms: 'sending to ✓',
  delivery_ms: 'sending to arrival',
  delivered_ms: 'sending to ✓✓',
  read_ms: 'sending to READ',
}

const PLAIN = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** The tables at the end of a run. */
export function renderReport({ name, vus, encoding, result: { code, metrics } }: Report): string {
  if (Object.keys(metrics).length === 0) return `k6 could not run: exit code ${code}`
  const style = { head: [], border: [] }
  const times = new Table({
    head: [[name, `${vus} VUs`, encoding].filter(Boolean).join(', '), 'count', 'p50', 'p95', 'p99', 'max'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style,
    chars: PLAIN,
  })
  for (const [label, metric] of timesOf(metrics)) {
    const { count, med, 'p(95)': p95, 'p(99)': p99, max } = metric
    times.push([label, count ?? '', ...[med, p95, p99, max].map(renderMs)])
  }
  const thresholds = new Table({ head: ['threshold', 'measured', ''], style, chars: PLAIN })
  for (const [metric, values] of Object.entries(metrics).sort(byName)) {
    for (const [expression, broken] of Object.entries(values.thresholds ?? {})) {
      thresholds.push([`${metric} ${expression}`, renderMeasured(expression, values), broken ? 'MISSED' : 'held'])
    }
  }
  return `${times.toString()}\n${thresholds.toString()}`
}

/** k6 writes them in no order. */
function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

function timesOf(metrics: K6Result['metrics']): [string, K6Metric][] {
  const own = Object.entries(words).map(([name, label]) => [label, metrics[name]] as const)
  const requests = Object.entries(metrics)
    .sort(byName)
    .flatMap(([name, metric]) => {
      const route = /^http_req_duration\{name:(.+)\}$/.exec(name)?.[1]
      return route === undefined ? [] : [[route, metric] as const]
    })
  return [...own, ...requests].filter((row): row is [string, K6Metric] => (row[1]?.count ?? 0) > 0)
}

/** What stands on the left of the expression, such as p(99) or count. A rate is what k6 calls its value. */
function renderMeasured(expression: string, metric: K6Metric): string {
  if (!isMeasured(metric)) return 'nothing'
  const stat = /^[\w()]+/.exec(expression)?.[0] ?? ''
  const value = stat === 'rate' ? metric.value : metric[stat as keyof K6Metric]
  if (typeof value !== 'number') return ''
  return stat === 'rate' ? `${(value * 100).toFixed(2)} %` : stat === 'count' ? String(value) : renderMs(value)
}

/** k6 takes a threshold as held where nothing was measured, and its figures as 0. */
function isMeasured({ count, passes, fails }: K6Metric): boolean {
  return passes === undefined ? count !== 0 : passes + (fails ?? 0) > 0
}

function renderMs(value: number | undefined): string {
  return value === undefined ? '' : `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`
}
