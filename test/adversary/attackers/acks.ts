import { attacker } from '../attacker.ts'
import { flood } from '../means.ts'

export const ackFlood = attacker({
  name: 'ack-flood',
  about: 'Acknowledges over and over what was acknowledged, in batches of 2,000',
  run: (target, signal) =>
    flood(target, signal, (session) =>
      session.pack(Array.from({ length: 2_000 }, () => ({ type: 'ack', upTo: 0 }) as const)),
    ),
})

export const ackAhead = attacker({
  name: 'ack-ahead',
  about: 'Acknowledges what was never delivered, and comes back',
  refusedBy: ['close 4500'],
  run: (target, signal) => flood(target, signal, (session) => session.pack([{ type: 'ack', upTo: 4_000_000_000 }])),
})
