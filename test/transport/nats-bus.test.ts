import test from 'ava'
import { startNatsServer } from '../helpers/nats-server.ts'
import { openNatsBus } from '../helpers/nats-bus.ts'
import { testWithTools } from '../helpers/tools.ts'
import { testBusContract } from './bus-contract.ts'

testBusContract(testWithTools(test, 'nats-server'), {
  connect: async (t, nodes, { requestTimeoutMs }) => {
    const server = await startNatsServer(t)
    const all = await Promise.all(Array.from({ length: nodes }, () => openNatsBus(t, server.url, { requestTimeoutMs })))
    return all.map(({ bus }) => bus)
  },
})
