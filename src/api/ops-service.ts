import manifest from '../../package.json' with { type: 'json' }
import type { NatsBus } from '../transport/nats-bus.ts'
import { NatsService } from '../transport/nats-service.ts'
import { opsEndpoints } from './ops.ts'
import type { OpsParts } from './ops.ts'

export const VERSION = manifest.version

/** Lets operators ask the node, and tell it to drain, over NATS: `nats micro info parley`. */
export function serveOperators(bus: NatsBus, parts: OpsParts, onFault: (error: unknown) => void): AsyncDisposable {
  const service = new NatsService({
    name: 'parley',
    version: VERSION,
    description: 'A node of the messenger',
    node: parts.node.id,
    endpoints: opsEndpoints(parts),
    onFault,
  })
  bus.onReconnect(() => void service.attach(bus.connection))
  void service.attach(bus.connection)
  return { [Symbol.asyncDispose]: () => service.close() }
}
