/**
 * How far an outgoing message has come. `waiting`: not yet accepted · `accepted` ✓ · `delivered` ✓✓: at least one device
 * of the recipient has it · `read`, `played`: on at least one of them · `failed`: the server will never take it ·
 * `expired`: it waited too long for a device that stayed away.
 */
export type Status = 'waiting' | 'failed' | 'accepted' | 'expired' | 'delivered' | 'read' | 'played'

// A later duplicate row of a delivered message may expire, and a message refused at first may have arrived by another way:
// what the recipient has done always wins.
const ranks: Readonly<Record<Status, number>> = {
  waiting: 0,
  failed: 1,
  accepted: 2,
  expired: 3,
  delivered: 4,
  read: 5,
  played: 6,
}

/** The status after one more piece of news, in whichever order they come: it only moves forward. */
export function advance(status: Status, news: Status): Status {
  return ranks[news] > ranks[status] ? news : status
}

const told: readonly Status[] = ['accepted', 'expired', 'delivered', 'read', 'played']

/** How devices of one user tell each other a status: 0 where there is nothing to tell. */
export function numberOf(status: Status): number {
  return told.indexOf(status) + 1
}

/** The status that such a number tells; `accepted` where it tells none, since nothing else is told of. */
export function statusAt(number: number): Status {
  return told[number - 1] ?? 'accepted'
}
