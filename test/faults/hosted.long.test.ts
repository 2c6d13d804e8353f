import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { App } from '../helpers/app.ts'
import { HostedAccount } from '../helpers/hosted-account.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { Harness } from './harness.ts'

const APPS = 3
const MESSAGES = 60
const KILLS = 3
const PACE_MS = 100
/** What was under way when its node was killed can be sent again under its key only after a minute. */
const REST_MS = 120_000
let harness: Harness

test.before(async () => {
  harness = await Harness.start({ postgres: 'embedded' })
})

test.after.always(() => harness?.stop())

test.serial(
  'a node that is killed while a hosted device sends and reads loses nothing and shows nothing twice',
  async (t) => {
    t.timeout(300_000)
    const { url } = harness.node
    const codeFor = (phone: string): Promise<string> => harness.sms.codeFor(phone)
    const apps: App[] = []
    for (let i = 0; i < APPS; i++) {
      apps.push(await App.join(t, { url }, codeFor, { phone: `+1555300000${i}`, random: () => Math.random() / 10 }))
    }
    const bank = await HostedAccount.join(url, codeFor, '+15553000009')
    const kept = new Map<string, string>()
    let accepted = 0
    const stopped = new AbortController()

    const sending: Promise<void>[] = []
    const timer = setInterval(() => {
      const i = sending.length / APPS
      if (i === MESSAGES) return clearInterval(timer)
      for (const app of apps) sending.push(untilTaken(bank, app, `to ${app.user}, ${i}`).then(() => void accepted++))
    }, PACE_MS)
    const writing = apps.map(async (app) => {
      for (let i = 0; i < MESSAGES; i++) await app.say(bank, `from ${app.user}, ${i}`)
    })
    const reading = (async () => {
      while (!stopped.signal.aborted) {
        const page = await bank.read('?limit=20').catch(() => undefined)
        // Asking without a pause would be all that the node has to do.
        await wait(PACE_MS)
        if (page?.status !== 200) continue
        for (const { messageId, sender_ID, text, type } of page.body.messages)
          kept.set(`${messageId} ${sender_ID}`, text ?? `[${type}]`)
        if (page.body.cursor !== null) await bank.acknowledge(page.body.cursor, true).catch(() => undefined)
      }
    })()
    for (let i = 1; i <= KILLS; i++) {
      await waitUntil('enough is under way', () => sending.length >= (i * APPS * MESSAGES) / (KILLS + 1))
      await harness.levers.kill()
    }
    await waitUntil('all are sent', () => accepted === APPS * MESSAGES, REST_MS)
    await Promise.all([...sending, ...writing])
    await waitUntil('the bank has read all', () => kept.size >= APPS * MESSAGES, REST_MS)
    stopped.abort()
    await reading

    t.deepEqual([...kept.values()].sort(), expected(apps, 'from').sort())
    t.deepEqual(await bank.texts(), [])
    for (const app of apps) {
      await waitUntil('the app has shown all', () => app.shown.length >= MESSAGES, REST_MS)
      check(t, app)
    }
  },
)

/** Sends again under the same key, as a client whose request broke off must. */
async function untilTaken(bank: HostedAccount, to: App, text: string): Promise<void> {
  const key = randomUUID()
  await waitUntil(
    'it is taken',
    async () => {
      const answer = await bank.send(to, text, key).catch(() => undefined)
      if (answer !== undefined && answer.status !== 201 && answer.status < 500 && answer.status !== 429)
        throw new Error(`It was refused: ${JSON.stringify(answer.body)}`)
      return answer?.status === 201
    },
    REST_MS,
  )
}

function expected(apps: readonly App[], word: 'from' | 'to'): string[] {
  return apps.flatMap(({ user }) => Array.from({ length: MESSAGES }, (_, i) => `${word} ${user}, ${i}`))
}

function check(t: ExecutionContext, app: App): void {
  t.deepEqual(app.texts.sort(), expected([app], 'to').sort(), 'once, and decrypted')
  t.deepEqual(app.changed, [], 'nothing had to be sent again')
  t.deepEqual(app.errors, [])
}
