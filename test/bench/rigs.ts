import { registerAccounts } from './accounts.ts'
import { makeLoads } from './cells.ts'
import { LoadGroup } from './load-group.ts'
import type { Rig } from './measure.ts'
import type { Options } from './options.ts'
import type { Relay } from './relay.ts'
import { Program } from './rpc.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import type { SmsSink } from './sms-sink.ts'

const RELAY = new URL('relay.ts', import.meta.url)

/** Servers with users and load generators of their own, and one relay for all, which the first rig's generators use. */
export class Rigs {
  readonly rigs: readonly Rig[]
  readonly #stack: AsyncDisposableStack

  private constructor(rigs: readonly Rig[], stack: AsyncDisposableStack) {
    this.rigs = rigs
    this.#stack = stack
  }

  static async open(
    servers: readonly ServerUnderTest[],
    sms: SmsSink,
    options: Options,
    progress: (text: string) => void,
  ): Promise<Rigs> {
    await using stack = new AsyncDisposableStack()
    const pairs = Math.max(options.pairs, ...makeLoads(options).map((load) => load.pairs))
    const relay = stack.use(await Program.start<Relay>(RELAY))
    const relayPort = await relay.remote.listen({ payloadBytes: options.payload })
    const rigs: Rig[] = []
    for (const [i, server] of servers.entries()) {
      progress(`registering ${2 * pairs} users`)
      const accounts = await registerAccounts(server, sms, 2 * pairs)
      const load = await LoadGroup.open({
        generators: options.generators,
        authorUrl: server.nodes[0]!.socketUrl,
        readerUrl: server.nodes.at(-1)!.socketUrl,
        relayUrl: `ws://127.0.0.1:${relayPort}`,
        accounts,
        relayPairs: i === 0 ? options.pairs : 0,
        payloadBytes: options.payload,
      })
      rigs.push({ server, relayPid: relay.pid, load: stack.use(load) })
    }
    return new Rigs(rigs, stack.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
