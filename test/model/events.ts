/** All that can happen in the world, one step each: what runs by itself, then the faults. An event is one small number. */
const NAMES = [
  'compose',
  'send',
  'send-more',
  'connect',
  'client-reads',
  'client-reads-old',
  'acknowledge',
  'server-reads',
  'bus',
  'node-reads',
  'turn',
  'select',
  'rows',
  'receipts',
  'flush',
  'wait-flush',
  'commit',
  'flushed',
  'late-statement',
  'lost-statement',
  'claim',
  'measure',
  'measured',
  'retry',
  'leave',
  'eof',
  'crash',
  'freeze',
  'thaw',
  'cut',
  'join',
  'timeout',
  'unknown',
  'refuse',
  'fill',
  'give-up',
  'poll',
  'no-room',
  'overflow',
  'others',
  'step-system',
  'step-database',
] as const

export const Op = {
  COMPOSE: 0,
  SEND: 1,
  SEND_MORE: 2,
  CONNECT: 3,
  CLIENT_READS: 4,
  CLIENT_READS_OLD: 5,
  ACKNOWLEDGE: 6,
  SERVER_READS: 7,
  BUS: 8,
  NODE_READS: 9,
  TURN: 10,
  SELECT: 11,
  ROWS: 12,
  RECEIPTS: 13,
  FLUSH: 14,
  WAIT_FLUSH: 15,
  COMMIT: 16,
  FLUSHED: 17,
  LATE_STATEMENT: 18,
  LOST_STATEMENT: 19,
  CLAIM: 20,
  MEASURE: 21,
  MEASURED: 22,
  RETRY: 23,
  LEAVE: 24,
  EOF: 25,
  CRASH: 26,
  FREEZE: 27,
  THAW: 28,
  CUT: 29,
  JOIN: 30,
  TIMEOUT: 31,
  UNKNOWN: 32,
  REFUSE: 33,
  FILL: 34,
  GIVE_UP: 35,
  POLL: 36,
  NO_ROOM: 37,
  OVERFLOW: 38,
  OTHERS: 39,
  STEP_SYSTEM: 40,
  STEP_DATABASE: 41,
} as const

/** `x` is the node, socket, actor or device it happens to; `y` a second argument. */
export function makeEvent(op: number, x = 0, y = 0): number {
  return (op << 20) | (x << 10) | y
}

export function opOf(event: number): number {
  return event >> 20
}

export function xOf(event: number): number {
  return (event >> 10) & 1023
}

export function yOf(event: number): number {
  return event & 1023
}

export function isFault(event: number): boolean {
  return opOf(event) >= Op.LEAVE
}

export function formatEvent(event: number): string {
  return `${NAMES[opOf(event)]} ${xOf(event)} ${yOf(event)}`
}
