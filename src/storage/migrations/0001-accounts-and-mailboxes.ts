import { Migration } from '@mikro-orm/migrations'

/** Accounts, their devices, mailboxes, and the numbers of nodes. User data is keyed by the user first: see `shards.ts`. */
export class AccountsAndMailboxes extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE users (
        user_id bigint PRIMARY KEY,
        name text NOT NULL DEFAULT '',
        about text NOT NULL DEFAULT '',
        pin_hash text,
        pin_set_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
      )`)
    this.#comment('users', 'Accounts: one per phone number', {
      user_id: 'The E.164 phone number without its plus sign',
      name: 'As the user calls themselves; may be empty',
      about: 'A line about the user; may be empty',
      pin_hash: 'scrypt of the registration PIN, with its parameters and salt; null: no PIN',
      pin_set_at: 'When the PIN was last set',
      created_at: 'When the number was first registered here',
    })

    // Room on each page keeps the update of every connect a heap-only one; no index may be on what it changes.
    this.addSql(`
      CREATE TABLE devices (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        device smallint NOT NULL,
        registration uuid NOT NULL,
        registration_id integer NOT NULL DEFAULT 0,
        token_hash bytea NOT NULL,
        connection_number bigint NOT NULL DEFAULT 0,
        name text NOT NULL DEFAULT '',
        platform text NOT NULL DEFAULT '',
        hosted boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, device)
      ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`)
    this.#comment('devices', 'Installations of users', {
      user_id: 'Whose device it is',
      device: '1 to 8; 1 is the primary',
      registration: 'Changes each time the place is taken by a newly registered device',
      registration_id: 'Chosen by the device with its keys; 0: it has none',
      token_hash: 'SHA-256 of the whole access token',
      connection_number: 'Highest number of a connection of this device',
      name: 'As the user calls the device',
      platform: 'Operating system or program, as the device says',
      hosted: 'The server holds its keys, for the HTTP API',
      created_at: 'When it was registered',
      last_used_at: 'When its token was last used, to an hour',
    })

    this.addSql(`
      CREATE TABLE registrations (
        user_id bigint PRIMARY KEY,
        code_salt bytea NOT NULL,
        code_hash bytea NOT NULL,
        tries_left smallint NOT NULL,
        expires_at timestamptz NOT NULL,
        claimed_until timestamptz
      )`)
    this.#comment('registrations', 'Verification codes that were sent and not yet used up', {
      user_id: 'The phone number that asked, without its plus sign',
      code_salt: 'Random, for code_hash',
      code_hash: 'Keyed hash of the code',
      tries_left: 'Wrong codes and PINs that may still be tried',
      expires_at: 'The code is worth nothing from then on',
      claimed_until: 'A request that gave the right code is registering the device, at most until then',
    })

    this.addSql(`
      CREATE TABLE idempotency_keys (
        user_id bigint NOT NULL,
        key_hash bytea NOT NULL,
        request_hash bytea NOT NULL,
        response bytea,
        claimed_until timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, key_hash)
      )`)
    this.#comment('idempotency_keys', 'Requests that must have their effect once', {
      user_id: 'Who asks',
      key_hash: 'SHA-256 of the Idempotency-Key and the route',
      request_hash: 'SHA-256 of the body',
      response: 'The answer, sealed with a key that only the request itself gives; null: not answered yet',
      claimed_until: 'A request is being answered, at most until then',
      expires_at: 'Forgotten from then on',
    })

    this.addSql(`
      CREATE TABLE envelopes (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        message_id bigint NOT NULL,
        from_user bigint NOT NULL,
        from_device smallint NOT NULL,
        kind smallint NOT NULL,
        urgent boolean NOT NULL,
        expires_at bigint NOT NULL,
        client_id text NOT NULL,
        about text NOT NULL,
        payload bytea NOT NULL,
        PRIMARY KEY (user_id, device, message_id)
      ) WITH (
        autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_threshold = 10000,
        autovacuum_analyze_scale_factor = 0.5
      )`)
    // Ciphertext does not compress: do not try.
    this.addSql('ALTER TABLE envelopes ALTER COLUMN payload SET STORAGE EXTERNAL')
    this.#comment('envelopes', 'Mailboxes: what a device has not yet acknowledged', {
      user_id: 'Whose mailbox it is',
      device: 'Of which device',
      message_id: 'Stamp of the server, for order',
      from_user: 'Who sent it',
      from_device: 'From which device',
      kind: 'What it is: a number of Kind in the protocol',
      urgent: 'It may wake a phone',
      expires_at: 'ms since 1970; it is returned as expired from then on',
      client_id: 'Id given by the sending device, the same in every resend',
      about: 'The client ids that a receipt is about',
      payload: 'Opaque bytes',
    })

    this.addSql(`
      CREATE TABLE node_numbers (
        number smallint PRIMARY KEY,
        node text NOT NULL,
        stamps_until bigint NOT NULL
      )`)
    this.#comment('node_numbers', 'Which node stamps message ids with which number', {
      number: '0 to 1023, ten bits of every message id',
      node: 'Name of the node that claimed it last',
      stamps_until: 'ms since 1970; the node stamps only below it, a new claimant waits until its clock is past it',
    })
  }

  override down(): void {
    this.addSql('DROP TABLE node_numbers, envelopes, idempotency_keys, registrations, devices, users')
  }

  #comment(table: string, text: string, columns: Readonly<Record<string, string>>): void {
    this.addSql(`COMMENT ON TABLE ${table} IS '${text}'`)
    for (const [column, meaning] of Object.entries(columns)) {
      this.addSql(`COMMENT ON COLUMN ${table}.${column} IS '${meaning}'`)
    }
  }
}
