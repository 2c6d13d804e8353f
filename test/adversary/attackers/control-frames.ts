import { Opcode } from '../../helpers/raw-socket.ts'
import { attacker } from '../attacker.ts'
import { flood } from '../means.ts'
import { webSocketFrame } from '../web-socket-bytes.ts'

const CONTINUATION = 0
const times = (count: number, frame: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => frame))

export const controlPings = attacker({
  name: 'control-pings',
  about: 'WebSocket pings of 125 bytes, 5,000 in a row, on 4 sockets',
  accounts: 4,
  run: (target, signal) => {
    const many = times(5_000, webSocketFrame(Opcode.ping, Buffer.alloc(125)))
    return flood(target, signal, () => many, { sockets: 4 })
  },
})

export const unreadPongs = attacker({
  name: 'unread-pongs',
  about: 'The same by 4 clients that never read the pongs',
  accounts: 4,
  run: (target, signal) => {
    const many = times(5_000, webSocketFrame(Opcode.ping, Buffer.alloc(125)))
    return flood(target, signal, () => many, {
      sockets: 4,
      opening: async ({ wire }) => wire.pause(),
    })
  },
})

export const fragments = attacker({
  name: 'fragments',
  about: 'A WebSocket message without end, in fragments of 1 byte',
  run: (target, signal) => {
    const begin = webSocketFrame(Opcode.binary, 'x', false)
    const more = times(20_000, webSocketFrame(CONTINUATION, 'x', false))
    let isFirst = true
    return flood(
      target,
      signal,
      () => {
        isFirst = true
        return more
      },
      {
        opening: async ({ wire }) => {
          if (isFirst) await wire.write(begin)
        },
      },
    )
  },
})
