import { spawn } from 'node:child_process'
import { insertAccounts } from './accounts.ts'
import { Program } from './rpc.ts'
import type { DeviceCrowd } from './device-crowd.ts'
import { findPostmaster } from '../../src/storage/postmaster.ts'
import { rssBytes } from './process-usage.ts'
import { mkdtemp } from 'node:fs/promises'
import { openSync } from 'node:fs'
const dir = await mkdtemp('/tmp/parley-g-')
const log = openSync('/tmp/gc.log', 'w')
const flags = (process.argv[2] ?? '').split(' ').filter(Boolean)
const child = spawn(process.execPath, ['--trace-gc', ...flags, '/work/main/src/main.ts'], { cwd: dir, env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '3931', DATA_DIR: dir + '/data', LOG_LEVEL: 'warn', LIMITS: '{"connectPerAddress":{"burst":1000000,"perSecond":1000000}}' }, stdio: ['ignore', log, log] })
const sleep = (s: number) => new Promise(r => setTimeout(r, s * 1000))
await sleep(15)
const pm = (await findPostmaster(dir + '/data/postgres'))!
const server = { databaseUrl: `postgresql://parley@localhost/parley?host=${encodeURIComponent(pm.socketFolder)}` }
const N = 9000
const acc = await insertAccounts(server as never, N)
const crowd = await Program.start<DeviceCrowd>(new URL('device-crowd.ts', import.meta.url))
const mark = (t: string) => console.log(t, (rssBytes(child.pid!) / 1048576).toFixed(1))
const url = 'ws://127.0.0.1:3931'
await crowd.remote.connect({ url, accounts: acc.slice(0, 200), localAddress: '127.0.0.2' }); await crowd.remote.ping(40000); await crowd.remote.leave(undefined)
await sleep(12); mark('warm'); await sleep(0.1); spawn('sh', ['-c', 'echo MARK >> /tmp/gc.log'])
await crowd.remote.connect({ url, accounts: acc, localAddress: '127.0.0.2' }); mark('all')
await sleep(30); mark('+30')
await crowd[Symbol.asyncDispose](); child.kill('SIGTERM'); await sleep(3)
