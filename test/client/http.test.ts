import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { request, requestBytes } from '../../client/http.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { ManualClock } from './helpers/manual-clock.ts'

test('an answer that comes bit by bit is awaited as long as something comes, and no longer', async (t) => {
  const { url, answers } = await serve(t)
  const clock = new CountingClock()
  const slow = requestBytes(url, { method: 'GET', path: '/', clock })
  await waitUntil('the request has come', () => answers.length === 1)
  const answer = answers[0]!
  for (let part = 1; part <= 10; part++) {
    const armed = clock.timers
    answer.write('x'.repeat(100))
    await waitUntil('the part was read', () => clock.timers > armed)
    clock.advance(29_000)
  }
  answer.end()
  t.is((await slow).length, 1_000)

  const mute = requestBytes(url, { method: 'GET', path: '/', clock })
  await waitUntil('the second request has come', () => answers.length === 2)
  const armed = clock.timers
  answers[1]!.write('x')
  await waitUntil('head and part were read', () => clock.timers >= armed + 2)
  clock.advance(30_000)
  await t.throwsAsync(mute, { code: 'UNREACHABLE' })
})

test('a request is given the time that a slow line takes to carry it', async (t) => {
  const { url, answers } = await serve(t)
  const clock = new CountingClock()
  const sent = request<{ ok: boolean }>(url, { method: 'PUT', path: '/', bytes: new Uint8Array(60_000), clock })
  await waitUntil('the request has come', () => answers.length === 1)
  clock.advance(59_000)
  answers[0]!.end('{"ok":true}')
  t.deepEqual(await sent, { ok: true })

  const lost = request(url, { method: 'PUT', path: '/', bytes: new Uint8Array(60_000), clock })
  await waitUntil('the request has come', () => answers.length === 2)
  clock.advance(60_000)
  await t.throwsAsync(lost, { code: 'UNREACHABLE' })
})

/** Counts the timers that were set. */
class CountingClock extends ManualClock {
  timers = 0

  override setTimer(run: () => void, afterMs: number): () => void {
    this.timers++
    return super.setTimer(run, afterMs)
  }
}

/** Answers nothing by itself. */
async function serve(t: ExecutionContext): Promise<{ url: string; answers: ServerResponse[] }> {
  const answers: ServerResponse[] = []
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => answers.push(response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers }
}
