import { totalmem } from 'node:os'

const MiB = 1024 * 1024

/**
 * Settings of the embedded PostgreSQL. Durable: fsync, full_page_writes and synchronous_commit keep their default, on.
 * Its log has no statements and no details of errors, which would name users.
 */
export function postgresSettings(socketFolder: string, maxConnections: number): Readonly<Record<string, string>> {
  const sharedBuffers = Math.max(64, Math.min(512, Math.floor(totalmem() / 8 / MiB)))
  return {
    listen_addresses: '',
    unix_socket_directories: socketFolder,
    unix_socket_permissions: '0700',
    port: '5432',
    max_connections: String(maxConnections),
    shared_buffers: `${sharedBuffers}MB`,
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    jit: 'off',
    timezone: 'UTC',
    // Mailboxes are queues: rows live for moments, so dead ones must go soon.
    autovacuum_naptime: '10s',
    autovacuum_vacuum_cost_limit: '2000',
    log_timezone: 'UTC',
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
    log_autovacuum_min_duration: '-1',
  }
}
