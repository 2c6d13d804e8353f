import type { NodeUnderTest } from './node-under-test.ts'

/** What is measured: one node or several, with all that they need, and data of its own which goes when it stops. */
export interface ServerUnderTest {
  readonly nodes: readonly NodeUnderTest[]
  /** For `pg`. */
  readonly databaseUrl: string
  readonly cpu: ServerCpu
  readonly memory: ServerMemory
  /** Stops it, and returns the files of its nodes' profiles, if they were made. */
  stop(): Promise<readonly string[]>
  [Symbol.asyncDispose](): Promise<void>
}

/** CPU time in ms, of each process. */
export interface ServerCpu {
  readonly nodes: readonly number[]
  /** 0 without one. */
  readonly nats: number
  /** All its processes. */
  readonly postgres: number
}

/** Resident memory in bytes, of each process. PostgreSQL's is no part of any result. */
export interface ServerMemory {
  readonly nodes: readonly number[]
  readonly nats: number
}

/** Where a server's text messages go, and its profiles. */
export interface ServerOptions {
  readonly smsUrl: string
  readonly profileDir?: string | undefined
}

export function totalMemory({ nodes, nats }: ServerMemory): number {
  return nodes.reduce((sum, bytes) => sum + bytes, nats)
}
