import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs a program and starts it again when it dies, as a service manager would: `keep.ts program arguments…`. Signals go
 * on to the program; one that was told to end is not started again. A program that never ran for long is given up.
 */
const PAUSE_MS = 1_000
/** It ran well for so long: what comes now is a new failure. */
const GOOD_MS = 10_000
const TRIES = 5

const [program = '', ...args] = process.argv.slice(2)
let child: ChildProcess | undefined
let stopping = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopping = true
    child?.kill(signal)
  })
}

// What makes haproxy take its configuration and certificates again.
process.on('SIGUSR2', () => child?.kill('SIGUSR2'))

let failures = 0
for (;;) {
  const startedAt = performance.now()
  const ending = await run()
  if (stopping) process.exit(typeof ending === 'number' ? ending : 1)
  failures = performance.now() - startedAt > GOOD_MS ? 1 : failures + 1
  const how = typeof ending === 'number' ? `ended with exit code ${ending}` : `ended by ${ending}`
  if (failures === TRIES) {
    console.error(`${program} ${how}, for the ${TRIES}th time in a row: giving up`)
    process.exit(1)
  }
  console.error(`${program} ${how}: starting it again`)
  await delay(PAUSE_MS)
  if (stopping) process.exit(0)
}

/** @returns the exit code, or what ended it */
function run(): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>()
  child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  child.on('error', (error) => resolve(error.message))
  child.on('exit', (code, signal) => resolve(code ?? signal ?? 'an unknown cause'))
  return promise
}
