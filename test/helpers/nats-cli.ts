import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Teardown } from './database.ts'
import { startNatsServer } from './nats-server.ts'
import type { NatsServer } from './nats-server.ts'
import { requireTool } from './tools.ts'

export const NATS_PASSWORDS = { NATS_NODE_PASSWORD: 'node-password', NATS_OPERATOR_PASSWORD: 'operator-password' }

/** A nats-server with the users and permissions of a cluster, but for the port of its monitor. */
export async function startClusterNats(t: Teardown): Promise<NatsServer> {
  const config = await readFile('config/nats-server.conf', 'utf8')
  return startNatsServer(t, { config: config.replace(/^http:.*$/m, ''), env: NATS_PASSWORDS })
}

/** As whom the nats program logs in; undefined: as nobody. */
export type NatsLogin = 'node' | 'operator' | undefined

export interface CliAnswer {
  readonly code: number
  /** What it printed, errors too. */
  readonly text: string
}

/** Runs the real `nats` program. */
export async function runNats(server: NatsServer, login: NatsLogin, ...args: readonly string[]): Promise<CliAnswer> {
  const password = login && NATS_PASSWORDS[login === 'node' ? 'NATS_NODE_PASSWORD' : 'NATS_OPERATOR_PASSWORD']
  const user = login === undefined ? [] : ['--user', login, '--password', password!]
  const all = ['--server', server.url, ...user, '--timeout', '2s', ...args]
  return new Promise((resolve) => {
    execFile(requireTool('nats'), all, { timeout: 20_000, env: { HOME: '/nonexistent' } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, text: stdout + stderr })
    })
  })
}

/** What one node answers to a request of the operator. */
export async function askOperator(server: NatsServer, subject: string, request: string): Promise<unknown> {
  const { text } = await runNats(server, 'operator', 'request', '--raw', subject, request)
  return JSON.parse(text)
}
