import test from 'ava'
import { parseConfig } from '../../../config/config.ts'
import { clusterEnv } from '../../../tools/cluster/cluster-env.ts'

const options = {
  dataDir: '/tmp/cluster',
  nodePorts: [3_100, 3_101],
  host: '0.0.0.0',
  port: 3_000,
  databaseUrl: 'postgresql://parley@localhost/parley?host=%2Ftmp%2Fcluster%2Fpostgres',
  masterKey: 'ab'.repeat(32),
  nodeConnections: 900,
}

test('the variables of a cluster make a node that is joined with the others', (t) => {
  const env = clusterEnv(options, {})
  const config = parseConfig(env)
  t.is(config.http.host, '127.0.0.1')
  t.deepEqual(config.http.trustedProxies, ['127.0.0.1'])
  t.deepEqual(config.secrets.databaseUrls, [options.databaseUrl])
  t.is(config.secrets.masterKeys?.[0]?.length, 32)
  t.is(config.node.publicUrl, 'http://localhost:3000')
  t.like(env, { NODE_1: '127.0.0.1:3100', NODE_2: '127.0.0.1:3101', LISTEN: '0.0.0.0:3000', NODE_CONNECTIONS: '900' })
  t.false('NODE_3' in env)
})

test('passwords and ports of NATS may be given, and stand in its URL', (t) => {
  const env = clusterEnv(options, { NATS_NODE_PASSWORD: 'a/b@c', NATS_PORT: '4333', MASTER_KEY: 'cd'.repeat(32) })
  t.is(env.NATS_URL, 'nats://node:a%2Fb%40c@127.0.0.1:4333')
  t.is(env.MASTER_KEY, 'cd'.repeat(32))
})
