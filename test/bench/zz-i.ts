import { ServerUnderTest } from './server-under-test.ts'
import { SmsSink } from './sms-sink.ts'
import { insertAccounts } from './accounts.ts'
import { Program } from './rpc.ts'
import type { DeviceCrowd } from './device-crowd.ts'
import { readFileSync } from 'node:fs'
await using sms = await SmsSink.start()
await using server = await ServerUnderTest.start({ smsUrl: sms.url })
const N = 9000
const acc = await insertAccounts(server, N)
const crowd = await Program.start<DeviceCrowd>(new URL('device-crowd.ts', import.meta.url))
const look = async (l: string) => { const m = await server.metrics(); const f = (n: string) => (m(n) / 1048576).toFixed(1); const st = readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8'); const anon = /Anonymous:\s+(\d+)/.exec(st)![1]; console.log(l, 'rss', (server.rssBytes / 1048576).toFixed(1), 'heapTotal', f('nodejs_heap_size_total_bytes'), 'heapUsed', f('nodejs_heap_size_used_bytes'), 'ext', f('nodejs_external_memory_bytes'), 'anon', (Number(anon) / 1024).toFixed(1)) }
const sleep = (s: number) => new Promise(r => setTimeout(r, s * 1000))

const url = server.url.replace('http', 'ws')
function smaps() { const t = readFileSync(`/proc/${server.pid}/smaps`, 'utf8'); const out: Record<string, number> = {}; let name = ''
 for (const line of t.split('\n')) { const h = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line); if (h) { const size = (parseInt(h[2]!, 16) - parseInt(h[1]!, 16)) / 1024; name = h[4] ? (h[4].startsWith('[') ? h[4] : 'file') : `anon ${h[3]} ${size < 300 ? '<=256K' : size < 1100 ? '<=1M' : size <= 65536 ? '<=64M' : '>64M'}` } const r = /^Rss:\s+(\d+)/.exec(line); if (r) out[name] = (out[name] ?? 0) + Number(r[1]) / 1024 }
 return Object.entries(out).filter(([, v]) => v > 1).map(([k, v]) => `${k}: ${v.toFixed(1)}`).join(', ') }
await crowd.remote.connect({ url, accounts: acc.slice(0, 200), localAddress: '127.0.0.2' }); await look('200'); console.time('ping'); await crowd.remote.ping(10000); console.timeEnd('ping'); await look('pinged'); await crowd.remote.leave(undefined)
await sleep(12); await look('warm'); console.log(smaps())
await crowd.remote.connect({ url, accounts: acc, localAddress: '127.0.0.2' }); await look('all'); console.log(smaps())
await sleep(30); await look('+30'); console.log(smaps())
await crowd[Symbol.asyncDispose]()
