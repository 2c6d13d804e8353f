/** What `npm run cluster` decides. */
export interface ClusterOptions {
  /** Absolute. */
  readonly dataDir: string
  readonly nodePorts: readonly number[]
  /** Where clients come in. */
  readonly host: string
  readonly port: number
  readonly databaseUrl: string
  /** 32 bytes as hexadecimal digits. */
  readonly masterKey: string
  /** That one node may have open. */
  readonly nodeConnections: number
}

const NATS_PORT = 4_222
const NATS_MONITOR_PORT = 8_222
const MINIO_PORT = 9_000
const STATS_PORT = 8_404
/** NATS and MinIO listen on this machine only. Whoever runs them elsewhere sets passwords of his own. */
const DEVELOPMENT_PASSWORDS = {
  NATS_NODE_PASSWORD: 'node-development',
  NATS_OPERATOR_PASSWORD: 'operator-development',
  MINIO_ROOT_PASSWORD: 'minio-development',
}

/**
 * The variables of all processes of the cluster: for the configurations of haproxy and NATS, and settings of the nodes.
 * Variables of the operator go before, where they are not what the cluster consists in.
 */
export function clusterEnv(options: ClusterOptions, env: NodeJS.ProcessEnv) {
  const given = (name: string, fallback: string): string => env[name] || fallback
  const natsPort = given('NATS_PORT', String(NATS_PORT))
  const nodePassword = given('NATS_NODE_PASSWORD', DEVELOPMENT_PASSWORDS.NATS_NODE_PASSWORD)
  return {
    NATS_PORT: natsPort,
    NATS_MONITOR_PORT: given('NATS_MONITOR_PORT', String(NATS_MONITOR_PORT)),
    NATS_NODE_PASSWORD: nodePassword,
    NATS_OPERATOR_PASSWORD: given('NATS_OPERATOR_PASSWORD', DEVELOPMENT_PASSWORDS.NATS_OPERATOR_PASSWORD),
    MINIO_PORT: given('MINIO_PORT', String(MINIO_PORT)),
    MINIO_ROOT_USER: given('MINIO_ROOT_USER', 'parley'),
    MINIO_ROOT_PASSWORD: given('MINIO_ROOT_PASSWORD', DEVELOPMENT_PASSWORDS.MINIO_ROOT_PASSWORD),
    MINIO_BROWSER: 'off',
    LISTEN: `${options.host}:${options.port}`,
    // Clients of one machine are one source.
    SOURCE_CONNECTIONS: given('SOURCE_CONNECTIONS', '1000000'),
    SOURCE_REQUESTS: given('SOURCE_REQUESTS', '1000000'),
    NODE_CONNECTIONS: given('NODE_CONNECTIONS', String(options.nodeConnections)),
    STATS_LISTEN: given('STATS_LISTEN', `127.0.0.1:${STATS_PORT}`),
    ...Object.fromEntries(options.nodePorts.map((port, index) => [`NODE_${index + 1}`, `127.0.0.1:${port}`])),
    HOST: '127.0.0.1',
    TRUSTED_PROXIES: '127.0.0.1',
    PUBLIC_URL: given('PUBLIC_URL', `http://localhost:${options.port}`),
    DATA_DIR: options.dataDir,
    DATABASE_URLS: options.databaseUrl,
    NATS_URL: `nats://node:${encodeURIComponent(nodePassword)}@127.0.0.1:${natsPort}`,
    MASTER_KEY: given('MASTER_KEY', options.masterKey),
  }
}

/** Of all processes of the cluster. */
export type ClusterEnv = ReturnType<typeof clusterEnv>
