import test from 'ava'
import { Batcher } from '../../src/shared/batcher.ts'
import { RefusalError } from '../../src/shared/refusal.ts'

/** Batches that a test answers by hand. */
function createBatcher(options: { maxBatch?: number; maxWaiting?: number } = {}) {
  const batches: { requests: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = []
  let notify: (() => void) | undefined
  const batcher = new Batcher<string, string>({
    maxBatch: options.maxBatch ?? 10,
    maxWaiting: options.maxWaiting ?? 100,
    keyOf: (request) => request.split(':')[0] ?? '',
    run: (requests) =>
      new Promise((resolve, reject) => {
        batches.push({ requests, answer: () => resolve(requests.map((one) => `${one}!`)), fail: reject })
        notify?.()
      }),
  })
  const batch = async (index: number) => {
    while (batches.length <= index) {
      await new Promise<void>((resolve) => {
        notify = resolve
      })
    }
    return batches[index]!
  }
  return { batcher, batch }
}

test('requests of one tick share a batch, and those that come meanwhile the next', async (t) => {
  const { batcher, batch } = createBatcher()
  const first = Promise.all([batcher.add('a'), batcher.add('b')])
  t.deepEqual((await batch(0)).requests, ['a', 'b'])
  const second = Promise.all([batcher.add('c'), batcher.add('d')])
  ;(await batch(0)).answer()
  t.deepEqual(await first, ['a!', 'b!'])
  t.deepEqual((await batch(1)).requests, ['c', 'd'])
  ;(await batch(1)).answer()
  t.deepEqual(await second, ['c!', 'd!'])
})

test('requests of one key never share a batch, and keep their order', async (t) => {
  const { batcher, batch } = createBatcher()
  const answers = Promise.all(['a:1', 'b:1', 'a:2', 'a:3', 'c:1'].map((request) => batcher.add(request)))
  const expected = [['a:1', 'b:1', 'c:1'], ['a:2'], ['a:3']]
  for (const [index, requests] of expected.entries()) {
    const one = await batch(index)
    t.deepEqual(one.requests, requests)
    one.answer()
  }
  t.deepEqual(await answers, ['a:1!', 'b:1!', 'a:2!', 'a:3!', 'c:1!'])
})

test('a batch is no larger than its bound', async (t) => {
  const { batcher, batch } = createBatcher({ maxBatch: 2 })
  const answers = Promise.all(['a', 'b', 'c'].map((request) => batcher.add(request)))
  t.deepEqual((await batch(0)).requests, ['a', 'b'])
  ;(await batch(0)).answer()
  t.deepEqual((await batch(1)).requests, ['c'])
  ;(await batch(1)).answer()
  await answers
})

test('what a full batch passes over or does not reach keeps its order', async (t) => {
  const { batcher, batch } = createBatcher({ maxBatch: 2 })
  const answers = Promise.all(['a:1', 'a:2', 'a:3', 'b:1', 'b:2', 'c:1'].map((request) => batcher.add(request)))
  const expected = [
    ['a:1', 'b:1'],
    ['a:2', 'b:2'],
    ['a:3', 'c:1'],
  ]
  for (const [index, requests] of expected.entries()) {
    const one = await batch(index)
    t.deepEqual(one.requests, requests)
    one.answer()
  }
  await answers
})

test('a batch that fails fails its own requests, and the next one runs', async (t) => {
  const { batcher, batch } = createBatcher()
  const first = batcher.add('a')
  const failing = await batch(0)
  const second = batcher.add('b')
  failing.fail(new TypeError('lost'))
  await t.throwsAsync(first, { instanceOf: TypeError })
  ;(await batch(1)).answer()
  t.is(await second, 'b!')
})

test('beyond the bound a request is refused at once', async (t) => {
  const { batcher, batch } = createBatcher({ maxWaiting: 2 })
  const waiting = Promise.all([batcher.add('a'), batcher.add('b')])
  const error = await t.throwsAsync(batcher.add('c'), { instanceOf: RefusalError })
  t.is(error.code, 'OVERLOADED')
  ;(await batch(0)).answer()
  t.deepEqual(await waiting, ['a!', 'b!'])
})
