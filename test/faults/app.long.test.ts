import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openFileStore, register, verify } from '../../client/node.ts'
import type { Account } from '../../client/node.ts'
import { Checker, isClean } from '../../tools/replay/checker.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { AppProcess } from './app-process.ts'
import { Harness } from './harness.ts'

const MESSAGES = 200
const KILLS = 2
const REST_MS = 60_000
let harness: Harness

test.before(async () => {
  harness = await Harness.start({ postgres: 'embedded' })
})

test.after.always(() => harness?.stop())

test.serial('apps that are killed while they write and read lose nothing and show nothing twice', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-faults-apps-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const { url } = harness.node
  const accounts = [
    await createAccount('15552000001', directory),
    await createAccount('15552000002', directory),
  ] as const
  const open = ({ user }: Account, peer: Account): AppProcess =>
    new AppProcess({ url, peer: peer.user, messages: MESSAGES, directory: join(directory, `${user}`) })
  const apps = [open(accounts[0], accounts[1]), open(accounts[1], accounts[0])] as const
  t.teardown(() => Promise.all(apps.map((app) => app.kill())))

  for (let i = 1; i <= KILLS; i++) {
    const enough = (i * MESSAGES) / (KILLS + 1)
    for (const app of apps) {
      await waitUntil(
        `it has written and shown ${enough}`,
        () => app.accepted.size >= enough && app.shown >= enough / 2,
      )
      await app.restart()
    }
  }
  await waitUntil('all is shown and read', () => apps.every(({ done }) => done), REST_MS)
  await Promise.all(apps.map((app) => app.kill()))

  const checker = new Checker()
  const histories = await Promise.all(apps.map((app) => app.readHistory()))
  for (const [i, history] of histories.entries()) {
    const [self, peer] = i === 0 ? accounts : accounts.toReversed()
    for (const message of history) {
      const { id, body, direction } = message
      const text = 'text' in body ? body.text : body.type
      if (direction === 'in') checker.shown(`${self!.user}.1`, { id, from: `${peer!.user}.${message.device}`, text })
      else checker.sent({ id, from: `${self!.user}.1`, to: peer!.user, text })
      if (direction === 'out' && message.status === 'read') checker.receipt(`${self!.user}.1`, id, 'read')
    }
    const kept = new Set(history.map(({ id }) => id))
    t.deepEqual(
      [...apps[i]!.accepted].filter((id) => !kept.has(id)),
      [],
      'what was accepted is in the history',
    )
  }
  const findings = checker.findings((user) => [`${user}.1`])
  const { sent, accepted } = checker.progress()
  t.log(`sent ${sent}, accepted ${accepted}, lost ${findings.lost.length}, duplicated ${findings.duplicated.length}`)
  t.true(isClean(findings), JSON.stringify(findings))
  t.is(sent, 2 * MESSAGES)
  t.deepEqual(
    apps.map(({ errors }) => errors),
    ['', ''],
  )
})

/** Its store is in a directory of its own. */
async function createAccount(user: string, directory: string): Promise<Account> {
  const { url } = harness.node
  await register(url, user)
  const store = await openFileStore(join(directory, user))
  const code = await harness.sms.codeFor(`+${user}`)
  const account = await verify(url, user, code, { name: 'App', platform: 'node', store })
  await store.close()
  return account
}
