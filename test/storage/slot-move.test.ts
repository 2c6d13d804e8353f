import test from 'ava'
import { RefusalError } from '../../src/shared/refusal.ts'
import { isRefusedSlot } from '../../src/storage/pg-error.ts'
import { SlotMove, SlotMoveError } from '../../src/storage/slot-move.ts'
import type { MoveListener, MoveStep } from '../../src/storage/slot-move.ts'
import type { Teardown } from '../helpers/database.ts'
import { fillKeys, fillMailbox, openEnd, openTestSet, rowsOfSlot, slotAt, usersOfSlot } from '../helpers/slots.ts'
import type { TestSet } from '../helpers/slots.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** Of the first of two databases. */
const SLOT = 5
const [USER, OTHER] = usersOfSlot(SLOT, 2) as [never, never]
const [NEIGHBOUR] = usersOfSlot(SLOT + 1, 1) as [never]

interface Opened {
  readonly set: TestSet
  readonly move: SlotMove
  readonly steps: MoveStep[]
}

async function openMove(
  t: Teardown,
  set: TestSet,
  onStep: (step: MoveStep) => void | Promise<void> = () => {},
): Promise<Opened> {
  const steps: MoveStep[] = []
  const listener: MoveListener = {
    copied: () => {},
    step: (step) => {
      steps.push(step)
      return onStep(step)
    },
  }
  const [source, target] = [await openEnd(t, set.urls[0]!), await openEnd(t, set.urls[1]!)]
  return { set, steps, move: await SlotMove.open(source, target, listener) }
}

test('a slot moves with all its rows, and nothing of it is left behind', async (t) => {
  const { set, move, steps } = await openMove(t, await openTestSet(t, 2))
  const [first, second] = set.databases as [never, never]
  await fillMailbox(first, USER, 1_000)
  await fillMailbox(first, OTHER, 10)
  await fillMailbox(first, NEIGHBOUR, 10)
  await set.databases[0]!.pool.query('INSERT INTO contacts VALUES ($1, 7)', [USER])
  await fillKeys(first, USER)
  const before = await rowsOfSlot(first, SLOT)

  const result = await move.run([SLOT])
  t.is(result.rows, 1_010 + 2 + 2 + 1 + 8)
  t.deepEqual(await rowsOfSlot(second, SLOT), before)
  t.is((await slotAt(first, SLOT))?.state, 'away')
  t.is((await slotAt(second, SLOT))?.state, 'here')

  t.is(await move.clear([SLOT], 60_000), result.rows)
  t.deepEqual(Object.values(await rowsOfSlot(first, SLOT)).flat(), [])
  t.is((await rowsOfSlot(first, SLOT + 1))['envelopes']?.length, 10)
  t.deepEqual(steps, ['arriving', 'copying', 'copied', 'frozen', 'synced', 'away', 'moved', 'cleared'])
  const triggers = `SELECT DISTINCT tgname FROM pg_trigger WHERE tgname LIKE 'slot%' ORDER BY tgname`
  t.deepEqual(
    (await set.databases[0]!.pool.query<{ tgname: string }>(triggers)).rows.map(({ tgname }) => tgname),
    ['slot_guard', 'slot_guard_delete'],
  )
  t.is((await set.databases[1]!.pool.query(triggers)).rowCount, 0)
})

test('what is written while the slot is copied arrives too, and what is deleted does not', async (t) => {
  const set = await openTestSet(t, 2)
  const [first, second] = set.databases as [never, never]
  const { pool } = set.databases[0]!
  await fillMailbox(first, USER, 20)
  await fillMailbox(first, OTHER, 20)
  const { move } = await openMove(t, set, async (step) => {
    if (step !== 'copying') return
    await pool.query(`UPDATE users SET name = 'Else' WHERE user_id = $1`, [USER])
    await pool.query('UPDATE devices SET connection_number = 9 WHERE user_id = $1', [USER])
    await pool.query('DELETE FROM envelopes WHERE user_id = $1 AND message_id < 5', [USER])
    await pool.query(`UPDATE envelopes SET payload = '\\x01' WHERE user_id = $1 AND message_id = 7`, [USER])
    await pool.query(
      `INSERT INTO envelopes SELECT user_id, device, message_id + 1000, from_user, from_device, kind, urgent,
           expires_at, client_id, about, payload FROM envelopes WHERE user_id = $1`,
      [USER],
    )
    await pool.query(
      `INSERT INTO idempotency_keys VALUES ($1, '\\x0102', '\\x03', NULL, now(), now() + interval '1 day')`,
      [USER],
    )
    await pool.query('DELETE FROM users WHERE user_id = $1', [OTHER])
  })
  const result = await move.run([SLOT])
  t.true(result.changes > 0)
  const there = await rowsOfSlot(first, SLOT)
  t.deepEqual(await rowsOfSlot(second, SLOT), there)
  t.is(there['envelopes']?.length, 16 * 2 + 20)
  t.is(there['users']?.length, 1)
  t.is(there['devices']?.length, 1)
})

test('a slot that is frozen, away or arriving takes no write, in any isolation, and its neighbours do', async (t) => {
  const set = await openTestSet(t, 2)
  const [first, second] = set.databases as [never, never]
  await fillMailbox(first, USER, 5)
  await fillMailbox(first, NEIGHBOUR, 5)
  const { pool } = set.databases[0]!
  const old = await pool.connect()
  await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await old.query('SELECT FROM users')

  const refusals: boolean[] = []
  const refused = (write: Promise<unknown>) =>
    write.then(
      () => refusals.push(false),
      (error) => refusals.push(isRefusedSlot(error)),
    )
  const tries: Promise<unknown>[] = []
  const { move } = await openMove(t, set, (step) => {
    if (step !== 'synced' && step !== 'moved') return
    tries.push(
      refused(pool.query('UPDATE users SET name = $2 WHERE user_id = $1', [USER, step])),
      refused(pool.query('DELETE FROM envelopes WHERE user_id = $1', [USER])),
      refused(
        pool.query(
          "INSERT INTO registrations SELECT $1, code_salt, code_hash, 1, now() FROM (VALUES ('\\x00'::bytea, '\\x00'::bytea)) v (code_salt, code_hash)",
          [USER],
        ),
      ),
      pool.query('UPDATE users SET name = $2 WHERE user_id = $1', [NEIGHBOUR, step]),
    )
    if (step === 'synced') {
      tries.push(
        refused(set.databases[1]!.pool.query('INSERT INTO users (user_id) VALUES ($1)', [OTHER])),
        refused(old.query("UPDATE users SET name = 'old' WHERE user_id = $1", [USER])),
      )
    }
  })
  await move.run([SLOT])
  await Promise.all(tries)
  await old.query('ROLLBACK')
  old.release()
  t.deepEqual(new Set(refusals), new Set([true]))
  t.is(refusals.length, 8)
  t.is((await rowsOfSlot(second, SLOT))['envelopes']?.length, 5)
  const neighbour = (await rowsOfSlot(first, SLOT + 1))['users']?.[0] as { name: string }
  t.is(neighbour.name, 'moved')
  await set.databases[1]!.pool.query('INSERT INTO users (user_id) VALUES ($1)', [OTHER])
})

test('nodes follow a move, and refuse the user for as long as nobody serves the slot', async (t) => {
  const set = await openTestSet(t, 2)
  const { shards } = set
  await fillMailbox(set.databases[0] as never, USER, 5)
  let refusedWith: unknown
  const { move } = await openMove(t, set, (step) => {
    if (step !== 'away') return
    try {
      shards.of(USER)
    } catch (error) {
      refusedWith = error
    }
  })
  t.is(shards.homeOf(USER), 0)
  let changes = 0
  shards.onChange(() => changes++)
  await move.run([SLOT])
  t.true(refusedWith instanceof RefusalError && refusedWith.code === 'UNAVAILABLE')
  await waitUntil('the node knows the new place', () => shards.holds(1, USER))
  t.is(shards.indexOf(USER), 1)
  t.false(shards.holds(0, USER))
  t.true(changes >= 2)
})

test('a slot moves there and back', async (t) => {
  const set = await openTestSet(t, 2)
  await fillMailbox(set.databases[0] as never, USER, 50)
  const before = await rowsOfSlot(set.databases[0] as never, SLOT)
  const there = await openMove(t, set)
  await there.move.run([SLOT])
  await there.move.close()
  const [source, target] = [await openEnd(t, set.urls[1]!), await openEnd(t, set.urls[0]!)]
  const back = await SlotMove.open(source, target, { copied: () => {}, step: () => {} })
  await back.run([SLOT])
  await back.clear([SLOT], 60_000)
  t.deepEqual(await rowsOfSlot(set.databases[0] as never, SLOT), before)
  t.is((await set.databases[0]!.pool.query(`SELECT FROM pg_trigger WHERE tgname LIKE 'slot%'`)).rowCount, 0)
})

test('a move that is given up leaves the slot where it was', async (t) => {
  const set = await openTestSet(t, 2)
  const { pool } = set.databases[0]!
  await fillMailbox(set.databases[0] as never, USER, 50)
  const before = await rowsOfSlot(set.databases[0] as never, SLOT)
  const { move } = await openMove(t, set, (step) => {
    if (step === 'frozen') throw new Error('the tool fails here')
  })
  await t.throwsAsync(move.run([SLOT]), { message: 'the tool fails here' })
  t.is((await slotAt(set.databases[0] as never, SLOT))?.state, 'here')
  await pool.query(`UPDATE users SET name = name WHERE user_id = $1`, [USER])
  await move.abort([SLOT])
  t.deepEqual(await rowsOfSlot(set.databases[0] as never, SLOT), before)
  t.deepEqual(Object.values(await rowsOfSlot(set.databases[1] as never, SLOT)).flat(), [])
  t.is(await slotAt(set.databases[1] as never, SLOT), undefined)
  for (const database of set.databases) {
    t.is((await database.pool.query(`SELECT FROM pg_trigger WHERE tgname LIKE 'slot%'`)).rowCount, 0)
  }
  await t.throwsAsync(move.abort([SLOT]), { instanceOf: SlotMoveError })
})

test('a copy that breaks off in the middle leaves both connections fit for use, and the slot where it was', async (t) => {
  const set = await openTestSet(t, 2)
  await fillMailbox(set.databases[0]!, USER, 6_000, 1_000)
  for (const failure of ['at the source', 'at the target']) {
    const [source, target] = [await openEnd(t, set.urls[0]!), await openEnd(t, set.urls[1]!)]
    let broken = false
    const listener: MoveListener = {
      step: () => {},
      copied: (table) => {
        if (table !== 'envelopes' || broken) return
        broken = true
        if (failure === 'at the source') throw new Error('stopped')
        // As a full disk would end it.
        void set.databases[1]!.pool.query(
          `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY envelopes%FROM STDIN%'
             AND datname = current_database()`,
        )
      },
    }
    const move = await SlotMove.open(source, target, listener)
    await t.throwsAsync(move.run([SLOT]), { message: /stopped|canceling statement/ }, failure)
    t.is((await slotAt(set.databases[0]!, SLOT))?.state, 'here')
    await move.run([SLOT])
    t.is((await set.databases[1]!.pool.query('SELECT FROM envelopes')).rowCount, 6_000)
    await move.close()
    const back = await SlotMove.open(target, source, { step: () => {}, copied: () => {} })
    await back.run([SLOT])
    await back.close()
  }
})

test('one move at a time takes part in a database', async (t) => {
  const set = await openTestSet(t, 2)
  await openMove(t, set)
  await t.throwsAsync(openMove(t, set), { instanceOf: SlotMoveError, message: /^Another move is under way in / })
})
