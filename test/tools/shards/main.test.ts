import test from 'ava'
import { createBareDatabase, createTestDatabase } from '../../helpers/database.ts'
import { runShards } from '../../helpers/shards-tool.ts'
import { fillMailbox, openTestSet, usersOfSlot } from '../../helpers/slots.ts'

test('status shows who has what, a move changes it, and a second one finds nothing to do', async (t) => {
  const { urls, databases } = await openTestSet(t, 2)
  await fillMailbox(databases[0]!, usersOfSlot(5, 1)[0]!, 100)
  const before = await runShards(urls, 'status')
  t.is(before.code, 0, before.stderr)
  t.regex(before.stdout, /│ 1 │ \S+ +│ +512 │ 0-511 +│/)
  const moved = await runShards(urls, 'move', '5-6', databases[1]!.name)
  t.is(moved.code, 0, moved.stderr)
  t.regex(
    moved.stdout,
    /Moved 2 slots to \S+ in [\d.]+ s: 102 rows copied, and 0 changes that came meanwhile; .* 102 old/,
  )
  const after = await runShards(urls, 'status')
  t.regex(after.stdout, /│ 2 │ \S+ +│ +514 │ 5-6, 512-1023 +│/)
  t.regex((await runShards(urls, 'move', '5-6', '2')).stdout, /All of it is in \S+ already\.\n$/)
})

test('status says which moves are not finished, and what is wrong', async (t) => {
  const { urls, databases } = await openTestSet(t, 2)
  await databases[0]!.pool.query(`UPDATE slots SET state = 'leaving', peer = 'other/db' WHERE slot = 5`)
  await databases[1]!.pool.query(`INSERT INTO slots (slot, state) VALUES (9, 'here')`)
  const { stdout } = await runShards(urls, 'status')
  t.regex(stdout, /: 5 FROZEN, on the way to other\/db\n/)
  t.regex(stdout, /\n! Slot 9 is held by \S+ and by \S+: one of them must give it up\n$/)
})

test('what cannot be done is one clear line and an exit code', async (t) => {
  const { urls } = await openTestSet(t, 2)
  const says = async (expected: RegExp, set: readonly string[], ...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runShards(set, ...args)
    t.is(code, 1)
    t.regex(stderr, expected)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  await says(/^"1024" are no slots: /, urls, 'move', '1024', '1')
  await says(/^"3" is none of the databases: 1 \(/, urls, 'move', '1', '3')
  await says(/^Set DATABASE_URLS: /, [], 'status')
  await says(/^The database \S+ has no schema of this version: /, [await createBareDatabase(t)], 'status')
  await says(/^No slot is anywhere yet: /, [await createTestDatabase(t)], 'status')
  await says(/^The database \S+ cannot be reached: /, ['postgresql://127.0.0.1:1/nothing'], 'status')
})
