import test from 'ava'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import { testBusContract } from './bus-contract.ts'

testBusContract(test, {
  connect: async (t, nodes, { requestTimeoutMs }) => {
    const hub = new LocalBusHub()
    const buses = Array.from({ length: nodes }, () => hub.connect(requestTimeoutMs))
    t.teardown(() => Promise.all(buses.map((bus) => bus.close())))
    return buses
  },
})
