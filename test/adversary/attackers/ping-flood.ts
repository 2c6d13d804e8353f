import { setTimeout as delay } from 'node:timers/promises'
import { attacker } from '../attacker.ts'
import { flood } from '../means.ts'

/** Fewer than the decoder allows, so that it is the budgets that end it. */
const BATCH = 2_000
/** More than the decoder allows. */
const HUGE_BATCH = 16_000
/** What a device may send without a pause, and how often. */
const STEADY_BATCH = 100
const STEADY_MS = 100

const pings = (count: number) => Array.from({ length: count }, () => ({ type: 'ping' }) as const)

const pingFlood = (name: string, sockets: number, json: boolean) =>
  attacker({
    name,
    about: `${sockets} socket${sockets === 1 ? '' : 's'} with batches of 2,000 pings in ${json ? 'JSON' : 'binary'}`,
    accounts: sockets,
    refusedBy: ['close 4004'],
    run: (target, signal) => flood(target, signal, (session) => session.pack(pings(BATCH)), { sockets, json }),
  })

export const pingFloods = [
  pingFlood('ping-flood', 1, false),
  pingFlood('ping-flood-json', 1, true),
  pingFlood('ping-flood-10', 10, false),
  pingFlood('ping-flood-10-json', 10, true),
  attacker({
    name: 'ping-flood-huge',
    about: 'A socket with batches of 16,000 pings in JSON, more than a message may hold',
    refusedBy: ['close 4500'],
    run: (target, signal) => flood(target, signal, (session) => session.pack(pings(HUGE_BATCH)), { json: true }),
  }),
  attacker({
    name: 'ping-steady',
    about: '20 sockets that send as many pings in JSON as their budget allows, for as long as it lasts',
    accounts: 20,
    run: (target, signal) =>
      flood(target, signal, (session) => session.pack(pings(STEADY_BATCH)), {
        sockets: 20,
        json: true,
        pause: () => delay(STEADY_MS),
      }),
  }),
]
