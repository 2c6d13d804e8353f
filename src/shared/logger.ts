import { randomBytes } from 'node:crypto'
import { type Logger as PinoLogger, pino } from 'pino'
import type { UserId } from './ids.ts'
import { createKeyedHash } from './keyed-hash.ts'

export type Logger = PinoLogger

export interface LoggerOptions {
  readonly level: string
  readonly node: string
}

const STANDARD_OUTPUT = 1
/** Of lines that cannot be written at the moment; more are dropped. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024

/** One JSON object a line, to standard output. What is logged goes through `events.ts`. */
export function createLogger(options: LoggerOptions): Logger {
  const output = pino.destination({ dest: STANDARD_OUTPUT, sync: false, maxLength: MAX_UNWRITTEN_BYTES })
  // Unheard, it would end the node: a full disk under its log must not.
  output.on('error', () => undefined)
  return pino(
    {
      level: options.level,
      base: { node: options.node },
      formatters: { level: (level) => ({ level }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    output,
  )
}

/**
 * Names a user in logs without saying the phone number: the same user has the same name in all logs made with the same
 * key. Without a key each start draws its own.
 */
export function createUserHasher(masterKey: Uint8Array | undefined): (user: UserId) => string {
  const hash = createKeyedHash(masterKey ?? randomBytes(32), 'user names in logs')
  return (user) => hash(String(user)).toString('base64url').slice(0, 12)
}
