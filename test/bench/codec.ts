/**
 * Which protobuf code is worth its time on the server's hottest path: `node_modules/.bin/node test/bench/codec.ts`.
 *
 * Measures the seven frames that a server decodes and encodes for one message between two online devices (send,
 * accepted, deliver, ack, deliver DELIVERED, send READ, deliver READ; a payload of 150 bytes), from bytes to the types
 * of frames.ts and back, with payloads copied. The codecs run in turns, several times, so that whatever else the machine
 * does hits them all; shown are the median of a run and, over the runs, the best.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import Table from 'cli-table3'
import { generate } from './codec-generate.ts'
import { measureIds } from './codec-message-id.ts'
import { BATCH_SIZES, candidates } from './codec-run.ts'

const RUNS = 3
const program = join(import.meta.dirname, 'codec-run.ts')
const style = { head: [], border: [], compact: true }

generate('fixed64')
generate('uint64')

const best = new Map<string, number[]>()
for (let run = 0; run < RUNS; run++) {
  for (const name of candidates.keys()) {
    const times: number[] = JSON.parse(execFileSync(process.execPath, [program, name], { encoding: 'utf8' }))
    const before = best.get(name)
    best.set(
      name,
      times.map((time, i) => Math.min(time, before?.[i] ?? Number.POSITIVE_INFINITY)),
    )
  }
}

const sizes = BATCH_SIZES.map((size) => `${size} a batch`)
const table = new Table({ style, head: ['ns for one life (7 frames)', ...sizes, 'times Parley’s'] })
const parley = best.get('Parley') ?? []
for (const [name, times] of best) {
  const ratios = times.map((time, i) => (time / (parley[i] ?? Number.NaN)).toFixed(1))
  table.push([name, ...times.map((time) => time.toFixed(0)), ratios.join(' · ')])
}
console.log(table.toString())

const ids = new Table({ style, head: ['one message id, written and read', 'ns', 'bytes'] })
for (const { name, ns, bytes } of measureIds()) ids.push([name, ns.toFixed(0), bytes])
console.log(ids.toString())
