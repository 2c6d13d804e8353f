import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { SmallDisk } from '../chaos/small-disk.ts'
import { connectFrame, Device, message } from '../helpers/device.ts'
import { call, register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const DISK_MIB = 256

test('a node whose database has a full disk is out of service until there is room', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-full-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const disk = await SmallDisk.mount(join(folder, 'disk'), DISK_MIB)
  if (disk === undefined) {
    t.log('This user may not mount a file system.')
    return t.pass()
  }
  t.teardown(() => disk.unmount())
  const postgres = await EmbeddedPostgres.start({ dataDir: disk.path })
  t.teardown(() => postgres.stop())
  const server = await startNode(t, { databaseUrl: postgres.url })
  const [ann, ben] = [await register(server), await register(server)]
  const device = await Device.open(server.url)
  device.send(connectFrame(ann.token))
  await device.connected()
  const to = { user: Number(ben.user) }
  const ready = async () => (await call<{ checks: Record<string, unknown> }>(`${server.url}/readyz`)).status
  t.is(await ready(), 200)

  await disk.fill()
  // The pages that the tables have take some more.
  await waitUntil('a message is refused', () => {
    device.send(message(to, new Uint8Array(30_000), { first: true }))
    return device.all('error').length > 0
  })
  await waitUntil('it is out of service', async () => (await ready()) === 503)
  await disk.empty()
  await waitUntil('it is back', async () => (await ready()) === 200)
  const after = message(to, 'after', { first: true })
  device.send(after)
  await device.accepted(after.id)
})
