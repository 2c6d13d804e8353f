import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Client } from 'pg'
import { StartError } from '../../src/shared/start-error.ts'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { createDataDir, createFolder } from '../helpers/data-dir.ts'
import { waitUntil } from '../helpers/wait-until.ts'

async function start(t: ExecutionContext, dataDir: string, onCrash?: () => void): Promise<EmbeddedPostgres> {
  const postgres = await EmbeddedPostgres.start({ dataDir, maxConnections: 20, ...(onCrash && { onCrash }) })
  t.teardown(() => postgres.stop())
  return postgres
}

async function query(postgres: EmbeddedPostgres, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client(postgres.url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const pidOf = async (dataDir: string) =>
  Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])

const lives = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.serial('a second start finds the data of the first', async (t) => {
  const dataDir = await createDataDir(t)
  const first = await start(t, dataDir)
  await query(first, `CREATE TABLE kept (x text); INSERT INTO kept VALUES ('grüße')`)
  const pid = await pidOf(dataDir)
  await first.stop()
  await waitUntil('the old server has gone', () => !lives(pid))
  const second = await start(t, dataDir)
  t.deepEqual(await query(second, 'SELECT x FROM kept'), [{ x: 'grüße' }])
})

test.serial('it is durable, speaks UTF-8 and listens on no port', async (t) => {
  const postgres = await start(t, join(await createFolder(t), 'data'))
  const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'server_encoding', 'listen_addresses', 'TimeZone']
  const rows = await query(postgres, `SELECT ${names.map((name) => `current_setting('${name}') AS "${name}"`).join()}`)
  t.deepEqual(rows, [
    {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      server_encoding: 'UTF8',
      listen_addresses: '',
      TimeZone: 'UTC',
    },
  ])
})

test.serial('what the shell has set for other servers reaches neither this one nor its clients', async (t) => {
  const others = { PGPORT: '1', PGSSLMODE: 'require', PGOPTIONS: '-c nothing=1', PGUSER: 'nobody', PGDATA: '/nowhere' }
  Object.assign(process.env, others)
  const postgres = await start(t, await createDataDir(t))
  t.deepEqual(await query(postgres, 'SELECT current_user AS who'), [{ who: 'parley' }])
  for (const name of Object.keys(others)) t.false(name in process.env, name)
})

test.serial('a folder may have any name that a folder can have', async (t) => {
  const folder = await createFolder(t)
  for (const name of [`it's a,b with space`, 'ä'.repeat(60)]) {
    const postgres = await start(t, join(folder, name))
    t.deepEqual(await query(postgres, 'SELECT 1 AS x'), [{ x: 1 }], name)
    await postgres.stop()
  }
})

test.serial('a server that starts and says nothing more is told of, given up and ended', async (t) => {
  const dataDir = await createDataDir(t)
  const waits: string[] = []
  // Its socket has another name than the one that clients look for.
  const settings = { port: '5433' }
  const options = { dataDir, settings, patienceMs: 200, onWait: (what: string) => void waits.push(what) }
  const error = await t.throwsAsync(EmbeddedPostgres.start(options), { instanceOf: StartError })
  t.regex(error.message, /^PostgreSQL did not start in \S+: the last that it said is ".*ready to accept connections"/)
  t.true(waits.length > 0)
  t.regex(waits[0]!, /^PostgreSQL in \S+: ./)
  t.is(await pidOf(dataDir).catch(() => 'none'), 'none')
})

test.serial('a start that is broken off leaves nothing that runs, whenever that is', async (t) => {
  const dataDir = join(await createFolder(t), 'data')
  const own = async () => {
    const all = await readdir('/proc')
    const lines = await Promise.all(all.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')))
    return lines.filter((line) => line.includes(dataDir))
  }
  for (const stage of ['initdb', 'postgres'] as const) {
    const ending = new AbortController()
    const starting = EmbeddedPostgres.start({ dataDir, signal: ending.signal })
    const done = starting.then(
      () => undefined,
      () => undefined,
    )
    const runs = async (program: string): Promise<boolean> =>
      (await own()).some((line) => line.split('\0')[0]!.endsWith(program))
    await waitUntil(`${stage} runs`, () => runs(stage))
    ending.abort()
    await done
    t.false(await runs('initdb'), 'whoever takes the folder away then is not disturbed')
    await waitUntil('nothing runs', async () => (await own()).length === 0)
  }
  const postgres = await start(t, dataDir)
  t.deepEqual(await query(postgres, 'SELECT 1 AS x'), [{ x: 1 }])
})

test.serial('a folder that another node uses is refused, and the other goes on', async (t) => {
  const dataDir = await createDataDir(t)
  const postgres = await start(t, dataDir)
  const error = await t.throwsAsync(EmbeddedPostgres.start({ dataDir }), { instanceOf: StartError })
  t.is(error.message, `DATA_DIR: ${dataDir} is in use by another node that runs now`)
  t.deepEqual(await query(postgres, 'SELECT 1 AS x'), [{ x: 1 }])
})

test.serial('a server that a killed node left over is adopted', async (t) => {
  const dataDir = await createDataDir(t)
  const module = new URL('../../src/storage/embedded-postgres.ts', import.meta.url).href
  const program = `
    const { EmbeddedPostgres } = await import(${JSON.stringify(module)})
    await EmbeddedPostgres.start({ dataDir: ${JSON.stringify(dataDir)} })
    console.log('started')
    setInterval(() => undefined, 1_000)`
  const node = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(node.stdout, 'data')
  const pid = await pidOf(dataDir)
  node.kill('SIGKILL')
  await once(node, 'exit')
  const postgres = await start(t, dataDir)
  t.is(await pidOf(dataDir), pid)
  t.deepEqual(await query(postgres, 'SELECT 1 AS x'), [{ x: 1 }])
  await postgres.stop()
  await t.throwsAsync(pidOf(dataDir), { code: 'ENOENT' })
})

test.serial('a server that dies is started again, with its data', async (t) => {
  const dataDir = await createDataDir(t)
  let crashes = 0
  const postgres = await start(t, dataDir, () => crashes++)
  await query(postgres, `CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)`)
  const pid = await pidOf(dataDir)
  process.kill(pid, 'SIGKILL')
  await waitUntil(
    'it answers again',
    async () => (await query(postgres, 'SELECT x FROM kept').catch(() => [])).length === 1,
  )
  t.is(crashes, 1)
  t.not(await pidOf(dataDir), pid)
})

test.serial('a number in postmaster.pid that now belongs to another process does not stand in the way', async (t) => {
  const dataDir = await createDataDir(t)
  const first = await start(t, dataDir)
  const file = join(dataDir, 'postgres/postmaster.pid')
  const lines = (await readFile(file, 'utf8')).split('\n')
  await first.stop()
  await writeFile(file, [String(process.ppid), ...lines.slice(1)].join('\n'))
  t.deepEqual(await query(await start(t, dataDir), 'SELECT 1 AS x'), [{ x: 1 }])
})

test.serial('what an interrupted first start left is no obstacle', async (t) => {
  const dataDir = join(await createFolder(t), 'data')
  await mkdir(join(dataDir, 'postgres.new/base'), { recursive: true })
  await mkdir(join(dataDir, 'postgres'), { recursive: true })
  await chmod(dataDir, 0o711)
  t.deepEqual(await query(await start(t, dataDir), 'SELECT 1 AS x'), [{ x: 1 }])
})

test.serial('a path too long for a socket is no obstacle', async (t) => {
  const dataDir = join(await createFolder(t), 'x'.repeat(120))
  const postgres = await start(t, dataDir)
  t.deepEqual(await query(postgres, 'SELECT 1 AS x'), [{ x: 1 }])
})

test.serial('a folder that cannot be written to, or is none of this PostgreSQL, is one clear line', async (t) => {
  const file = join(await createFolder(t), 'file')
  await writeFile(file, '')
  const none = await t.throwsAsync(EmbeddedPostgres.start({ dataDir: join(file, 'x') }), { instanceOf: StartError })
  t.is(none.message, `DATA_DIR: cannot write to the folder ${file}/x (ENOTDIR)`)

  const dataDir = await createDataDir(t)
  await writeFile(join(dataDir, 'postgres/PG_VERSION'), '9\n')
  const old = await t.throwsAsync(EmbeddedPostgres.start({ dataDir }), { instanceOf: StartError })
  t.regex(
    old.message,
    /^PostgreSQL did not start in \S+: database files are incompatible with server \(its log is \S+\)$/,
  )
})

test.serial('its log names no row', async (t) => {
  const dataDir = await createDataDir(t)
  const postgres = await start(t, dataDir)
  await query(postgres, 'CREATE TABLE secret (x text PRIMARY KEY)')
  for (let time = 0; time < 2; time++)
    await query(postgres, `INSERT INTO secret VALUES ('canary')`).catch(() => undefined)
  await postgres.stop()
  t.notRegex(await readFile(join(dataDir, 'postgres.log'), 'utf8'), /canary/)
})
