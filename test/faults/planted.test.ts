import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Kind } from '../../proto/frames.ts'
import { Crowd } from './crowd.ts'
import { Harness } from './harness.ts'
import type { Person } from './person.ts'

/** What the checker is for: rows are tampered with behind the back of a node, and it must say what became of that. */
let harness: Harness

test.before(async () => {
  harness = await Harness.start({ postgres: 'embedded' })
})

test.after.always(() => harness?.stop())

test.serial('a message that vanishes after ✓ is told by its name, while the run goes on', async (t) => {
  const { crowd, ada, ben, complaints } = await gather(t)
  await ben.leave('disconnected')
  for (let i = 0; i < 3; i++) crowd.write(ada, ben)
  await crowd.until('all have ✓', () => crowd.checker.progress().accepted === 3)
  const rows = (await harness.postgres.readEnvelopes([ben.user])) as Row[]
  const id = rows.find(({ kind }) => kind === Kind.MESSAGE)!.client_id
  await remove(ben, Kind.MESSAGE, id)
  await ben.arrive()
  await crowd.until('the loss is told', () => complaints.length > 0)
  t.regex(complaints[0]!, new RegExp(`^lost: ${id} from ${ada.device} to ${ben.user}, ✓ at 20.*: .+`))
  t.is(complaints.length, 1)
})

test.serial('receipts that vanish are found when all has come to rest', async (t) => {
  const { crowd, ada, ben } = await gather(t)
  await ben.leave('disconnected')
  for (let i = 0; i < 2; i++) crowd.write(ada, ben)
  await crowd.until('both have ✓', () => crowd.checker.progress().accepted === 2)
  await ada.leave('disconnected')
  await ben.arrive()
  let rows: Row[] = []
  const about = (kind: Kind): string =>
    rows
      .filter((row) => row.kind === kind)
      .map((row) => row.about)
      .join(' ')
  await crowd.until('both have their receipts', async () => {
    rows = (await harness.postgres.readEnvelopes([ada.user])) as Row[]
    return [Kind.DELIVERED, Kind.READ].every((kind) => idsIn(about(kind)).length === 2)
  })
  for (const { kind, client_id: id } of rows) await remove(ada, kind, id)
  await ada.arrive()
  await crowd.until('no row is left', async () => (await harness.postgres.readEnvelopes([ada.user])).length === 0)
  const ids = idsIn(about(Kind.READ)).toSorted()
  const findings = crowd.findings()
  t.deepEqual(findings.undelivered.toSorted(), ids)
  t.deepEqual(findings.unread.toSorted(), ids)
  t.regex(crowd.nameFindings()[0]!, new RegExp(`^undelivered: .* from ${ada.device} to ${ben.user}, ✓ at`))
})

test.serial('a client that is sent away for good is told at once', async (t) => {
  const { crowd, ben, complaints } = await gather(t)
  await harness.postgres.tamper(`UPDATE devices SET token_hash = sha256('another') WHERE user_id = $1`, [ben.user])
  ben.link.cut()
  await crowd.until('it is told', () => complaints.length > 0)
  t.deepEqual(complaints, [`stopped for good: ${ben.device}, unauthenticated: 4502 unauthenticated`])
  t.deepEqual(crowd.findings().stopped, [ben.device])
})

interface Row {
  readonly kind: number
  readonly client_id: string
  readonly about: string
}

interface Setup {
  readonly crowd: Crowd
  readonly ada: Person
  readonly ben: Person
  readonly complaints: string[]
}

async function gather(t: ExecutionContext): Promise<Setup> {
  const complaints: string[] = []
  const onComplaint = (complaint: string): void => void complaints.push(complaint)
  const { sms } = harness
  const crowd = await Crowd.gather({ url: harness.node.url, sms, users: 2, seed: 901, onComplaint })
  t.teardown(() => crowd.close())
  const [ada, ben] = crowd.people as [Person, Person]
  return { crowd, ada, ben, complaints }
}

async function remove({ user }: Person, kind: number, id: string): Promise<void> {
  const statement = 'DELETE FROM envelopes WHERE user_id = $1 AND kind = $2 AND client_id = $3'
  const count = await harness.postgres.tamper(statement, [user, kind, id])
  if (count === 0) throw new Error('There is no such row')
}

function idsIn(about: string): readonly string[] {
  return about.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []
}
