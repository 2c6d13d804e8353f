/** How often something happened in a walk. */
export interface Coverage {
  /** An insert was struck out by an acknowledgement. */
  elided: number
  /** An acknowledgement came while the insert was being written. */
  ackDuringInsert: number
  /** A live mailbox went back to its rows. */
  behind: number
  /** A batch waited in memory for the rows. */
  held: number
  /** A request was given up, and its batch appended by the sender's node. */
  timeout: number
  notHere: number
  answerToNobody: number
  /** A request reached two actors of one mailbox. */
  twoActors: number
  /** A flush of unknown outcome was written again. */
  unknown: number
  /** The old statement of such a flush ran after all. */
  lateStatement: number
  /** A flush was refused after an attempt of unknown outcome. */
  noRoom: number
  givenUp: number
  duplicate: number
  refused: number
  /** A send was refused because an earlier one was. */
  refusedBack: number
  inboxFull: number
  superseded: number
  refusedConnect: number
  overflow: number
  expired: number
  /** The clock of the database was set. */
  stepped: number
  /** A node took another number, or its claim was renewed. */
  claimed: number
  unstamped: number
  /** A mailbox had no room for an envelope. */
  full: number
  /** A send was refused since no device has room for it. */
  refusedFull: number
  /** A copy expired at once, since its device alone had no room. */
  expiredFull: number
  /** A look at the rows of a mailbox said how much room there is. */
  measured: number
}

export function noCounts(): Coverage {
  return {
    elided: 0,
    ackDuringInsert: 0,
    behind: 0,
    held: 0,
    timeout: 0,
    notHere: 0,
    answerToNobody: 0,
    twoActors: 0,
    unknown: 0,
    lateStatement: 0,
    noRoom: 0,
    givenUp: 0,
    duplicate: 0,
    refused: 0,
    refusedBack: 0,
    inboxFull: 0,
    superseded: 0,
    refusedConnect: 0,
    overflow: 0,
    expired: 0,
    stepped: 0,
    claimed: 0,
    unstamped: 0,
    full: 0,
    refusedFull: 0,
    expiredFull: 0,
    measured: 0,
  }
}

/** Adds 1 for each thing that happened in a walk. */
export function addWalk(total: Coverage, walk: Coverage): void {
  for (const name of Object.keys(total) as (keyof Coverage)[]) if (walk[name] > 0) total[name]++
}
