import test from 'ava'
import { renderReport } from '../../../tools/load/report.ts'

const times = { count: 24, med: 3, 'p(95)': 20.25, 'p(99)': 123.4, max: 200 }

test('the report has the measures in the order of a life, requests by name, and each threshold', (t) => {
  const report = renderReport({
    name: 'chat',
    vus: 4,
    encoding: 'json',
    result: {
      code: 99,
      metrics: {
        iterations: { count: 4 },
        'http_req_duration{name:GET /v1/me}': { ...times, thresholds: { 'p(99)<100': true } },
        read_ms: times,
        accepted_ms: { ...times, thresholds: { 'p(99)<500': false } },
        messages_sent: { count: 24, thresholds: { 'count==24': false } },
        errors: { value: 0.5, passes: 2, fails: 2, thresholds: { 'rate==0': true } },
        checks: { value: 0, passes: 0, fails: 0, thresholds: { 'rate==1': false } },
      },
    },
  })
  t.deepEqual(rowsOf(report), [
    ['chat, 4 VUs, json', 'count', 'p50', 'p95', 'p99', 'max'],
    ['sending to ✓', '24', '3.0 ms', '20.3 ms', '123 ms', '200 ms'],
    ['sending to READ', '24', '3.0 ms', '20.3 ms', '123 ms', '200 ms'],
    ['GET /v1/me', '24', '3.0 ms', '20.3 ms', '123 ms', '200 ms'],
    ['threshold', 'measured', ''],
    ['accepted_ms p(99)<500', '123 ms', 'held'],
    ['checks rate==1', 'nothing', 'held'],
    ['errors rate==0', '50.00 %', 'MISSED'],
    ['http_req_duration{name:GET /v1/me} p(99)<100', '123 ms', 'MISSED'],
    ['messages_sent count==24', '24', 'held'],
  ])
})

test('a run that k6 did not begin has no report but its exit code', (t) => {
  const result = { code: 107, metrics: {} }
  t.is(renderReport({ name: 'http', vus: 1, encoding: undefined, result }), 'k6 could not run: exit code 107')
})

function rowsOf(report: string): string[][] {
  const rows = report.split('\n').filter((line) => line.startsWith('│'))
  return rows.map((row) =>
    row
      .split('│')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}
