import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Client } from 'pg'
import { endPostmaster, findPostmaster } from '../../../src/storage/postmaster.ts'
import { USER } from '../../../src/storage/postgres-folders.ts'
import { findFixedPort } from '../../../tools/fixed-ports.ts'
import { SmsSink } from '../../../tools/replay/sms-sink.ts'
import { NodeProcess } from '../../faults/node-process.ts'
import { App } from '../../helpers/app.ts'
import { runTool, type ToolAnswer } from '../../helpers/shards-tool.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

const [BACKUP, RESTORE] = ['main.ts', 'restore.ts'].map((file) =>
  fileURLToPath(new URL(`../../../tools/backup/${file}`, import.meta.url)),
) as [string, string]

interface Place {
  readonly node: NodeProcess
  readonly sms: SmsSink
  readonly dataDir: string
  readonly backupDir: string
  /** Runs a tool with the node's settings. */
  run(tool: string): Promise<ToolAnswer>
}

async function startPlace(t: ExecutionContext): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-backup-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [dataDir, backupDir] = [join(directory, 'data'), join(directory, 'backup')]
  const sms = await SmsSink.open(0)
  t.teardown(() => sms.close())
  const port = await findFixedPort()
  const node = new NodeProcess({ directory, dataDir, backupDir, port, smsUrl: sms.url, settings: {} })
  t.teardown(() => node.stop())
  await node.start()
  const env = { DATA_DIR: dataDir, BACKUP_DIR: backupDir }
  return { node, sms, dataDir, backupDir, run: (tool) => runTool(tool, env) }
}

/** Kills the node and its PostgreSQL in the middle of whatever they do. */
async function crash({ node, dataDir }: Place): Promise<void> {
  await node.kill()
  const server = await findPostmaster(join(dataDir, 'postgres'))
  if (server !== undefined) {
    process.kill(server.pid, 'SIGKILL')
    await endPostmaster(server.pid, join(dataDir, 'postgres'))
  }
}

/** What was written so far is in the archive. */
async function archiveAll({ dataDir }: Place): Promise<void> {
  const server = await findPostmaster(join(dataDir, 'postgres'))
  const client = new Client({ host: server!.socketFolder, user: USER, database: 'postgres' })
  await client.connect()
  const { rows } = await client.query<{ name: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS name')
  await waitUntil('the log is archived', async () => {
    const { rows: archived } = await client.query<{ last: string }>(
      'SELECT last_archived_wal AS last FROM pg_stat_archiver',
    )
    return (archived[0]?.last ?? '') >= rows[0]!.name
  })
  await client.end()
}

test('a server that lost its disk is restored, and what it had taken since goes there again', async (t) => {
  t.timeout(180_000)
  const place = await startPlace(t)
  const { node, sms } = place
  const codeFor = (phone: string): Promise<string> => sms.codeFor(phone)
  const alice = await App.join(t, node, codeFor)
  const bob = await App.join(t, node, codeFor)
  await alice.say(bob, 'hello')
  await waitUntil('bob has it', () => bob.texts.includes('hello'))
  bob.client.disconnect()

  await alice.say(bob, 'in the copy')
  const backup = await place.run(BACKUP)
  t.is(backup.code, 0, backup.stderr)
  t.regex(backup.stdout, /^The back-up is in \S+: \d+\.\d MiB\n$/)
  await alice.say(bob, 'in the log')
  await archiveAll(place)
  const lost = await alice.say(bob, 'lost with the disk')
  t.is(lost.status, 'accepted')
  await crash(place)
  // The disk: nothing of it is there any more.
  await rename(place.dataDir, `${place.dataDir}.gone`)

  const restored = await place.run(RESTORE)
  t.is(restored.code, 0, restored.stderr)
  t.regex(restored.stdout, /is as it was at 2\S+Z: start the node\./)
  const events: number[] = []
  alice.client.on('restored', ({ resent }) => void events.push(resent))
  await node.start()
  await waitUntil('alice has heard of it', () => events.length > 0)
  bob.client.connect()
  const all = ['hello', 'in the copy', 'in the log', 'lost with the disk']
  await waitUntil('bob has everything', () => all.every((text) => bob.texts.includes(text)))
  t.deepEqual(bob.texts.toSorted(), all.toSorted())
  await waitUntil('alice knows', () => alice.statusOf(lost) === 'delivered')
  // A later connection is told the same, and nothing goes a second time.
  alice.client.disconnect()
  alice.client.connect()
  await waitUntil('alice is back', () => alice.client.connection.phase === 'online')
  await alice.say(bob, 'after')
  await waitUntil('bob has that too', () => bob.texts.includes('after'))
  t.is(events.length, 1)
})

test('what backup and restore cannot do is one clear line and an exit code', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-backup-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const env = { DATA_DIR: join(directory, 'data'), BACKUP_DIR: join(directory, 'backup') }
  const says = async (expected: RegExp, answer: Promise<ToolAnswer>): Promise<void> => {
    const { code, stderr } = await answer
    t.is(code, 1)
    t.regex(stderr, expected)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  await says(/^Set BACKUP_DIR, as the node has it$/m, runTool(BACKUP, { DATA_DIR: env.DATA_DIR }))
  await says(/^No PostgreSQL runs in \S+: start the node, then back it up$/m, runTool(BACKUP, env))
  await says(/^There is no whole back-up in /, runTool(RESTORE, env))
  await says(/must be a time such as/, runTool(RESTORE, env, '--until', 'yesterday'))
  await says(/^Set DATABASE_URLS to the databases/, runTool(RESTORE, env, '--note', '2026-01-01T00:00:00Z'))
  const BROKEN_OFF = join(env.BACKUP_DIR, 'base', '2026-01-01T00-00-00.000Z')
  await mkdir(join(BROKEN_OFF, 'postgres'), { recursive: true })
  await says(/^There is no whole back-up in /, runTool(RESTORE, env))
})
