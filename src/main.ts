import './shared/clean-environment.ts'
import { ConfigError, parseConfig } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import { Node } from './api/node.ts'
import { StartError } from './shared/start-error.ts'

try {
  const config = parseConfig(readEnv())
  const node = Node.create(config, { onDrainRequest: () => process.kill(process.pid, 'SIGTERM') })
  let stoppingSince = -Infinity
  const stop = async (): Promise<void> => {
    // Ctrl-C under npm arrives twice: from the terminal, and from npm, which passes it on.
    if (performance.now() - stoppingSince < 200) return
    if (!node.serves) {
      node.abandon()
      process.exit(1)
    }
    stoppingSince = performance.now()
    await node.drain()
    await node.destroy()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop())
  await node.start()
  console.log(node.welcome)
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error
  console.error(error.message)
  process.exit(1)
}
