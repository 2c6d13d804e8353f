import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { createGatheringSocket } from '../../src/storage/gathering-socket.ts'

test('what is written in one turn leaves together, in order, and nothing stays behind', async (t) => {
  const server = createServer((peer) => peer.pipe(peer)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const socket = createGatheringSocket()
  t.teardown(() => socket.destroy())
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  let expected = ''
  for (let turn = 0; turn < 50; turn++) {
    for (let i = 0; i < 3; i++) {
      socket.write(`${turn}.${i} `)
      expected += `${turn}.${i} `
      t.is(socket.writableCorked, 1)
    }
    await new Promise(setImmediate)
    t.is(socket.writableCorked, 0)
  }
  while (heard.length < expected.length) await once(socket, 'data')
  t.is(heard, expected)
})
