import { join } from 'node:path'
import { findPostmaster } from '../../src/storage/postmaster.ts'
import { NodeUnderTest } from './node-under-test.ts'
import { familyCpuMs } from './process-usage.ts'
import type { ServerCpu, ServerMemory, ServerOptions, ServerUnderTest } from './server-under-test.ts'

/** A node alone, as `npm start` starts it, with its embedded PostgreSQL (fsync on). */
export class OneNode implements ServerUnderTest {
  readonly databaseUrl: string
  readonly node: NodeUnderTest
  readonly #postmasterPid: number

  private constructor(node: NodeUnderTest, postmaster: { pid: number; socketFolder: string }) {
    this.node = node
    this.databaseUrl = `postgresql://parley@localhost/parley?host=${encodeURIComponent(postmaster.socketFolder)}`
    this.#postmasterPid = postmaster.pid
  }

  static async start(options: ServerOptions): Promise<OneNode> {
    const node = await NodeUnderTest.start({ ...options, env: {} })
    const postmaster = await findPostmaster(join(node.dataDir, 'postgres'))
    if (postmaster !== undefined) return new OneNode(node, postmaster)
    await node.stop()
    throw new Error('The node runs without a PostgreSQL of its own')
  }

  get nodes(): readonly NodeUnderTest[] {
    return [this.node]
  }

  get cpu(): ServerCpu {
    return { nodes: [this.node.cpuMs], nats: 0, postgres: familyCpuMs(this.#postmasterPid) }
  }

  get memory(): ServerMemory {
    return { nodes: [this.node.rssBytes], nats: 0 }
  }

  async stop(): Promise<readonly string[]> {
    const profile = await this.node.stop()
    return profile === undefined ? [] : [profile]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
