import { Opcode } from '../../helpers/raw-socket.ts'
import { attacker } from '../attacker.ts'
import { flood } from '../means.ts'
import { webSocketFrame } from '../web-socket-bytes.ts'

/** Field 99 of a frame, empty. */
const UNKNOWN = Buffer.from([10, 3, 0x9a, 0x06, 0])

export const unknownFrames = attacker({
  name: 'unknown-frames',
  about: 'Batches of 2,000 frames that no version knows, each of which gets an error',
  budget: { answerRatio: 20 },
  run: (target, signal) => {
    const batch = webSocketFrame(Opcode.binary, Buffer.concat(Array.from({ length: 2_000 }, () => UNKNOWN)))
    return flood(target, signal, () => batch)
  },
})

export const unknownFramesJson = attacker({
  name: 'unknown-frames-json',
  about: 'The same in JSON, with names as long as they may be',
  run: (target, signal) => {
    const frame = `{"${'x'.repeat(64)}":{}}`
    const batch = `{"frames":[${Array.from({ length: 2_000 }, () => frame).join(',')}]}`
    return flood(target, signal, () => webSocketFrame(Opcode.text, batch), { json: true })
  },
})

export const emptyBatches = attacker({
  name: 'empty-batches',
  about: 'WebSocket messages with no frame in them, 1,000 in a row',
  run: (target, signal) => {
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => webSocketFrame(Opcode.binary, '')))
    return flood(target, signal, () => many)
  },
})

export const unknownFields = attacker({
  name: 'unknown-fields',
  about: 'Pings of 1 MiB: fields that no version knows fill them',
  run: (target, signal) => {
    // Field 7 (ping), in which field 15 holds bytes.
    const filler = Buffer.alloc(1_000_000)
    const inner = Buffer.concat([Buffer.from([0x7a]), varint(filler.length), filler])
    const frame = Buffer.concat([Buffer.from([0x3a]), varint(inner.length), inner])
    const batch = Buffer.concat([Buffer.from([10]), varint(frame.length), frame])
    return flood(target, signal, () => webSocketFrame(Opcode.binary, batch))
  },
})

export const deepJson = attacker({
  name: 'deep-json',
  about: 'JSON nested 100,000 deep, as WebSocket messages and as bodies of requests',
  refusedBy: ['close 4500'],
  run: (target, signal) => {
    const deep = `{"frames":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    return flood(target, signal, () => webSocketFrame(Opcode.text, deep), { json: true, sockets: 4 })
  },
})

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
