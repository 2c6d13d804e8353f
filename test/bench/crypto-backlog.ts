import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFileStore } from '../../client/node.ts'
import { setUp } from '../client/helpers/scripted.ts'

/** What a client does with messages of one device that waited, until it has shown them: decrypt and store them on disk. In ms. */
export async function measureBacklog(count: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-backlog-'))
  try {
    const { client, wire, deliver } = await setUp({ store: await openFileStore(directory) })
    const session = await wire.session(1)
    const shown = (wanted: number): Promise<void> =>
      new Promise((resolve) => {
        let left = wanted
        client.on('message', () => (left -= 1) === 0 && resolve())
      })
    const first = shown(1)
    session.say(deliver(1))
    await first
    const waiting = Array.from({ length: count }, (_, i) => deliver(i + 2))
    const all = shown(count)
    const start = performance.now()
    session.say(...waiting)
    await all
    const ms = performance.now() - start
    await client.close()
    return ms
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
