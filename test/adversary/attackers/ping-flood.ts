import { attacker } from '../attacker.ts'
import { flood } from '../means.ts'

const PINGS = Array.from({ length: 16_000 }, () => ({ type: 'ping' }) as const)

const pingFlood = (name: string, sockets: number, json: boolean) =>
  attacker({
    name,
    about: `${sockets} socket${sockets === 1 ? '' : 's'} with batches of 16,000 pings in ${json ? 'JSON' : 'binary'}`,
    accounts: sockets,
    run: (target, signal) => flood(target, signal, (session) => session.pack(PINGS), { sockets, json }),
  })

export const pingFloods = [
  pingFlood('ping-flood', 1, false),
  pingFlood('ping-flood-json', 1, true),
  pingFlood('ping-flood-10', 10, false),
  pingFlood('ping-flood-10-json', 10, true),
]
