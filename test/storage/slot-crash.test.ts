import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import test from 'ava'
import { RefusalError } from '../../src/shared/refusal.ts'
import type { Shards } from '../../src/storage/shards.ts'
import type { Database } from '../../src/storage/database.ts'
import { times } from '../helpers/long.ts'
import { runProgram, runShards } from '../helpers/shards-tool.ts'
import { fillMailbox, openTestSet, rowsOfSlot, slotAt, usersOfSlot } from '../helpers/slots.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const SLOT = 5
const [USER] = usersOfSlot(SLOT, 1) as [never]
const KILLED_MOVE = fileURLToPath(new URL('../helpers/killed-move.ts', import.meta.url))
/** Of the writer: faster, it would only keep the machine busy while nobody serves the slot. */
const PACE_MS = 5
const STEPS = times(
  ['bytes', 'synced', 'away'],
  ['arriving', 'copying', 'bytes', 'copied', 'frozen', 'synced', 'away', 'moved'],
)

/** Writes to a mailbox as nodes do, again and again, and knows what must be in it. */
class Writer {
  readonly #shards: Shards<Database>
  readonly expected = new Set<number>()
  refused = 0
  #next = 1_000_000
  #stopped = false
  readonly #done: Promise<void>

  constructor(shards: Shards<Database>) {
    this.#shards = shards
    this.#done = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const id = this.#next++
      await wait(PACE_MS)
      await this.#do(
        `INSERT INTO envelopes (user_id, device, message_id, from_user, from_device, kind, urgent, expires_at,
           client_id, about, payload)
         VALUES ($1, 1, $2, 1, 1, 1, false, 4102444800000, '', '', '\\x00') ON CONFLICT DO NOTHING`,
        id,
      )
      this.expected.add(id)
      if (id % 3 !== 0) continue
      await this.#do('DELETE FROM envelopes WHERE user_id = $1 AND message_id = $2', id - 1)
      this.expected.delete(id - 1)
    }
  }

  /** Until it is done for sure; what was refused may have been done, too. */
  async #do(statement: string, id: number): Promise<void> {
    await waitUntil('a write is taken', async () => {
      try {
        await this.#shards.run(USER, ({ pool }) => pool.query(statement, [USER, id]))
        return true
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error
        this.refused++
        return false
      }
    })
  }
}

for (const step of STEPS) {
  test.serial(`a move that is killed at "${step}" is finished by the same command, and no write is lost`, async (t) => {
    const { databases, urls, shards } = await openTestSet(t, 2)
    await fillMailbox(databases[0]!, USER, 2_000)
    const writer = new Writer(shards)
    t.teardown(() => writer.stop())
    t.is((await runProgram(KILLED_MOVE, urls, String(SLOT), step)).code, null)
    const { code, stderr } = await runShards(urls, 'move', String(SLOT), '2')
    t.is(code, 0, stderr)
    await writer.stop()
    t.is((await slotAt(databases[0]!, SLOT))?.state, 'away')
    t.true((await slotAt(databases[0]!, SLOT))?.cleared)
    t.is((await slotAt(databases[1]!, SLOT))?.state, 'here')
    t.deepEqual(Object.values(await rowsOfSlot(databases[0]!, SLOT)).flat(), [])
    const { rows } = await databases[1]!.pool.query<{ id: string }>(
      'SELECT message_id AS id FROM envelopes WHERE user_id = $1 AND message_id >= 1000000',
      [USER],
    )
    const found = new Set(rows.map(({ id }) => Number(id)))
    t.deepEqual(
      [...writer.expected].filter((id) => !found.has(id)),
      [],
      'lost',
    )
    t.deepEqual(
      [...found].filter((id) => !writer.expected.has(id)),
      [],
      'deleted, and there all the same',
    )
    t.is((await rowsOfSlot(databases[1]!, SLOT))['envelopes']?.length, 2_000 + writer.expected.size)
    t.true(writer.refused > 0)
  })
}

for (const step of times(['frozen'], ['arriving', 'bytes', 'frozen'])) {
  test.serial(`a move that is killed at "${step}" can be given up, and no write is lost`, async (t) => {
    const { databases, urls, shards } = await openTestSet(t, 2)
    await fillMailbox(databases[0]!, USER, 2_000)
    const writer = new Writer(shards)
    t.teardown(() => writer.stop())
    t.is((await runProgram(KILLED_MOVE, urls, String(SLOT), step)).code, null)
    const { code, stdout, stderr } = await runShards(urls, 'move', String(SLOT), '2', '--abort')
    t.is(code, 0, stderr)
    t.is(stdout, 'Gave slot 5 back.\n')
    const before = writer.expected.size
    await waitUntil('writes are taken again', () => writer.expected.size > before)
    await writer.stop()
    t.is((await slotAt(databases[0]!, SLOT))?.state, 'here')
    t.is(await slotAt(databases[1]!, SLOT), undefined)
    t.deepEqual(Object.values(await rowsOfSlot(databases[1]!, SLOT)).flat(), [])
    t.is((await rowsOfSlot(databases[0]!, SLOT))['envelopes']?.length, 2_000 + writer.expected.size)
  })
}
