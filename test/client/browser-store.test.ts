import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Browser, Page } from 'playwright-core'
import { StoreClosedError, StoreLockedError } from '../../client/store.ts'
import { bundleForBrowser, launchChromium, servePage } from '../helpers/browser.ts'
import { times } from '../helpers/long.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { openInPage } from './helpers/browser-store.ts'
import type * as page from './helpers/browser-store-page.ts'
import { testStore } from './helpers/store-contract.ts'

const browserTest = testWithTools(test, 'chromium')
const bundle = bundleForBrowser(new URL('helpers/browser-store-page.ts', import.meta.url), 'there')
const CANARY = 'q8Zr1vX0-canary-7KpW'
const NAME = 'parley'
/** Of a record that is being written when its page is killed. */
const RECORD_BYTES = times(2_000, 20_000)

declare const there: typeof page

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const closers: (() => unknown)[] = []
let browser: Promise<Browser> | undefined

browserTest.after.always('close the browser', async () => {
  for (const close of closers) await close()
})

/** Opens pages that share their stores, with no others. */
async function tabs(t: ExecutionContext): Promise<() => Promise<Page>> {
  const url = await servePage(t, await bundle)
  browser ??= launchChromium({ teardown: (close) => closers.push(close) })
  const context = await (await browser).newContext()
  t.teardown(() => context.close())
  return async () => {
    const tab = await context.newPage()
    await tab.goto(url)
    return tab
  }
}

const openTab = async (t: ExecutionContext): Promise<Page> => (await tabs(t))()

const takenOver = (tab: Page): Promise<number> => tab.evaluate(() => there.countTakenOver())

testStore(browserTest, { name: 'browser', open: async (t) => openInPage(await openTab(t), NAME), runs: times(12, 50) })

browserTest(
  'a store of the browser is there again after a reload, sealed under a key that no script reads',
  async (t) => {
    const tab = await openTab(t)
    const store = await openInPage(tab, NAME)
    await store.transaction(async (transaction) => {
      for (const key of ['a/1', 'a/2', 'a/3', 'a/4']) transaction.put(key, bytes(`${CANARY} ${key}`))
    })
    const inside = await tab.evaluate((name) => there.lookInside(name), NAME)
    t.true(inside.text.length > 4 * CANARY.length)
    t.false(inside.text.includes(CANARY))
    t.false(inside.extractable)

    await tab.reload()
    await tab.evaluate((name) => there.tamper(name, 'swap', 'a/1', 'a/2'), NAME)
    await tab.evaluate((name) => there.tamper(name, 'damage', 'a/3', 'a/3'), NAME)
    const again = await openInPage(tab, NAME)
    const found = await again.transaction((transaction) => transaction.scan({ prefix: 'a/', limit: 9 }))
    t.deepEqual(
      found.map(({ key, value }) => [key, new TextDecoder().decode(value)]),
      [
        ['a/1', ''],
        ['a/2', ''],
        ['a/3', ''],
        ['a/4', `${CANARY} a/4`],
      ],
    )
  },
)

browserTest(
  'a second tab does not get the store, and learns of it; it gets it when the first has closed it',
  async (t) => {
    const open = await tabs(t)
    const [first, second] = [await open(), await open()]
    const store = await openInPage(first, NAME)
    await t.throwsAsync(openInPage(second, NAME), { instanceOf: StoreLockedError })
    await t.throwsAsync(openInPage(first, NAME), { instanceOf: StoreLockedError })
    await t.notThrowsAsync(openInPage(second, 'another'))
    await store.transaction(async (transaction) => transaction.put('a', Uint8Array.of(1)))
    t.is(await takenOver(first), 0)
    await store.close()
    const next = await openInPage(second, NAME)
    t.deepEqual(await next.transaction((transaction) => transaction.get('a')), Uint8Array.of(1))
  },
)

browserTest('a tab that is closed without a word leaves the store to others', async (t) => {
  const open = await tabs(t)
  const [first, second] = [await open(), await open()]
  await openInPage(first, NAME)
  await first.close()
  await waitUntil('the second tab has the store', () =>
    openInPage(second, NAME).then(
      () => true,
      () => false,
    ),
  )
  t.is(await takenOver(second), 0)
})

browserTest(
  'a tab that takes the store over gets it after the running transaction, and the other one is told',
  async (t) => {
    const open = await tabs(t)
    const [first, second] = [await open(), await open()]
    const store = await openInPage(first, NAME)
    const begun = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const running = store.transaction(async (transaction) => {
      transaction.put('a', Uint8Array.of(7))
      begun.resolve()
      await goOn.promise
    })
    await begun.promise
    const taking = openInPage(second, NAME, true)
    await waitUntil('the first tab was told', async () => (await takenOver(first)) === 1)
    await t.throwsAsync(
      store.transaction(async () => {}),
      { instanceOf: StoreClosedError },
    )
    goOn.resolve()
    await running
    const taken = await taking
    t.deepEqual(await taken.transaction((transaction) => transaction.get('a')), Uint8Array.of(7))
    t.is(await takenOver(first), 1)
    t.is(await takenOver(second), 0)
  },
)

browserTest('two tabs that both take over end with one owner, and no change is lost', async (t) => {
  const open = await tabs(t)
  const [first, second, third] = [await open(), await open(), await open()]
  let done = 0
  const add = async (tab: Page, takeOver: boolean): Promise<boolean> => {
    try {
      const store = await openInPage(tab, NAME, takeOver)
      const outcome = await tab.evaluate((number) => there.increment(number, 50), store.number)
      if ('value' in outcome) done += 50
      return 'value' in outcome
    } catch {
      return false
    }
  }
  t.true(await add(first, false))
  await Promise.all([add(second, true), add(third, true)])
  const last = await openInPage(first, NAME, true)
  const number = await last.transaction((transaction) => transaction.get('number'))
  const [high = 0, low = 0] = number ?? []
  // A tab that lost the store in the middle had some of its changes written, and was told that the others were not.
  t.true(high * 256 + low >= done, `${high * 256 + low} of ${done}`)
  t.true(done >= 50)
})

browserTest('a tab that hangs loses the store, and what it writes when it wakes is refused', async (t) => {
  const open = await tabs(t)
  const [first, second] = [await open(), await open()]
  const store = await openInPage(first, NAME)
  const begun = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const stale = store.transaction(async (transaction) => {
    transaction.put('a', Uint8Array.of(1))
    begun.resolve()
    await goOn.promise
  })
  await begun.promise
  // It does not let go, since a transaction of it does not end.
  const taken = await openInPage(second, NAME, true)
  await taken.transaction(async (transaction) => transaction.put('a', Uint8Array.of(2)))
  goOn.resolve()
  await t.throwsAsync(stale, { instanceOf: StoreLockedError })
  t.deepEqual(await taken.transaction((transaction) => transaction.get('a')), Uint8Array.of(2))
  t.is(await takenOver(first), 1)
})

browserTest(
  'a page that is killed while it writes leaves whole transactions, none missing that were done',
  async (t) => {
    const open = await tabs(t)
    const first = await open()
    const { number: store } = await openInPage(first, NAME)
    await first.evaluate(([store, size]) => void there.writeForever(store, size), [store, RECORD_BYTES] as const)
    let told = 0
    await waitUntil('it has written some', async () => {
      told = await first.evaluate(() => there.countWritten())
      return told >= 20
    })
    const devtools = await first.context().newCDPSession(first)
    const crashed = new Promise((resolve) => first.once('crash', resolve))
    devtools.send('Page.crash').catch(() => {})
    await crashed
    const tab = await open()
    const { number: after } = await openInPage(tab, NAME, true)
    const { count, records } = await tab.evaluate((store) => there.readWritten(store), after)
    const expected = Array.from({ length: count }, (_, index) =>
      ['a', 'b', 'c'].map((part) => [`record/${index + 1}${part}`, RECORD_BYTES, (index + 1) & 255]),
    )
    const byKey = ([a]: readonly unknown[], [b]: readonly unknown[]): number => (String(a) < String(b) ? -1 : 1)
    t.true(count >= told, `${count} of ${told}`)
    t.deepEqual<unknown, unknown>(records, expected.flat().toSorted(byKey))
  },
)
