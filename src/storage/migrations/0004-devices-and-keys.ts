import { Migration } from '@mikro-orm/migrations'

/** Signed device lists, certificates and pre-keys: public keys and opaque bytes only. And what linking a device needs. */
export class DevicesAndKeys extends Migration {
  override up(): void {
    // No index may be on it: every connect updates the row.
    this.addSql('ALTER TABLE devices ADD COLUMN keys_low smallint NOT NULL DEFAULT 0')
    this.addSql(`
      COMMENT ON COLUMN devices.keys_low
        IS 'Bits: 1 few one-time pre-keys are left, 2 few ML-KEM ones, 4 none of the former, 8 none of the latter'`)
    this.addSql(`
      COMMENT ON COLUMN devices.registration_id IS 'Of its certificate; 0: it has no keys'`)

    this.addSql(`
      CREATE TABLE device_lists (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        epoch bigint NOT NULL,
        account_key bytea NOT NULL,
        hash bytea NOT NULL,
        expires_at bigint NOT NULL,
        list bytea NOT NULL,
        PRIMARY KEY (user_id, epoch)
      )`)
    this.#comment('device_lists', 'The chain of signed device lists of each account, whole', {
      user_id: 'Whose devices',
      epoch: '1, 2, 3 …; the highest counts',
      account_key: 'The public key that signed it, the same in all of a chain',
      hash: 'SHA-256 of the list: the next one names it',
      expires_at: 'ms since 1970, as the list says: from then on only device 1 is sent to',
      list: 'As it was signed',
    })

    this.addSql(`
      CREATE TABLE device_certs (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        device smallint NOT NULL,
        registration_id integer NOT NULL,
        hosted boolean NOT NULL,
        hash bytea NOT NULL,
        cert bytea NOT NULL,
        PRIMARY KEY (user_id, device)
      )`)
    this.#comment('device_certs', 'The certificates that the newest device list names', {
      user_id: 'Whose device',
      device: '1 to 8: listed, though perhaps not yet claimed by a device',
      registration_id: 'As the certificate says',
      hosted: 'As the certificate says',
      hash: 'SHA-256 of the certificate',
      cert: 'As it was signed',
    })

    this.addSql(`
      CREATE TABLE signed_pre_keys (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        pre_key bytea NOT NULL,
        last_resort bytea NOT NULL,
        one_time_highest bigint NOT NULL DEFAULT 0,
        kem_one_time_highest bigint NOT NULL DEFAULT 0,
        budget real,
        budget_at bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (user_id, device),
        FOREIGN KEY (user_id, device) REFERENCES devices ON DELETE CASCADE
      )`)
    this.#comment('signed_pre_keys', 'The pre-keys that each new session with a device uses', {
      user_id: 'Whose device',
      device: 'Which',
      pre_key: 'The signed X25519 pre-key, with its id and signature',
      last_resort: 'The ML-KEM-768 pre-key for when no one-time one is left, with its id and signature',
      one_time_highest: 'The highest id of a one-time pre-key that ever came; none at or below is taken again',
      kem_one_time_highest: 'The same of ML-KEM one-time pre-keys',
      budget: 'How many one-time pre-keys strangers may still take, as of budget_at; null: none were taken',
      budget_at: 'ms since 1970',
    })

    this.addSql(`
      CREATE TABLE one_time_pre_keys (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        key_id bigint NOT NULL,
        pre_key bytea NOT NULL,
        PRIMARY KEY (user_id, device, key_id),
        FOREIGN KEY (user_id, device) REFERENCES devices ON DELETE CASCADE
      )`)
    this.#comment('one_time_pre_keys', 'X25519 pre-keys, each given out once', {
      user_id: 'Whose device',
      device: 'Which',
      key_id: 'Given by the device',
      pre_key: 'With its id',
    })

    this.addSql(`
      CREATE TABLE kem_one_time_pre_keys (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        key_id bigint NOT NULL,
        pre_key bytea NOT NULL,
        PRIMARY KEY (user_id, device, key_id),
        FOREIGN KEY (user_id, device) REFERENCES devices ON DELETE CASCADE
      )`)
    this.addSql('ALTER TABLE kem_one_time_pre_keys ALTER COLUMN pre_key SET STORAGE EXTERNAL')
    this.#comment('kem_one_time_pre_keys', 'ML-KEM-768 pre-keys, each given out once', {
      user_id: 'Whose device',
      device: 'Which',
      key_id: 'Given by the device',
      pre_key: 'With its id and signature',
    })

    this.addSql(`
      CREATE TABLE pre_key_takers (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        taker bigint NOT NULL,
        taker_device smallint NOT NULL,
        tokens real NOT NULL,
        counted_at bigint NOT NULL,
        PRIMARY KEY (user_id, device, taker, taker_device),
        FOREIGN KEY (user_id, device) REFERENCES devices ON DELETE CASCADE
      )`)
    this.#comment('pre_key_takers', 'How often a device has taken keys of another of late, for the limit', {
      user_id: 'Whose keys',
      device: 'Of which device',
      taker: 'Who took them',
      taker_device: 'With which device',
      tokens: 'What the bucket held after the last time',
      counted_at: 'When that was: ms since 1970',
    })

    this.addSql(`
      CREATE TABLE link_reservations (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        device smallint NOT NULL,
        token_hash bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, device)
      )`)
    this.#comment('link_reservations', 'Places that are kept for devices on their way', {
      user_id: 'Whose device it will be',
      device: 'Its number',
      token_hash: 'SHA-256 of the token that claims the place, once',
      expires_at: 'The token is worth nothing from then on',
    })

    this.addSql(`
      CREATE TABLE link_messages (
        rendezvous_id bytea NOT NULL,
        number smallint NOT NULL,
        message bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (rendezvous_id, number)
      )`)
    this.#comment(
      'link_messages',
      'What a new device and a primary say to each other before they know whose they are',
      {
        rendezvous_id: 'Random, shown by the new device; in the first database',
        number: 'In the order of their arrival, from 1; 0 opens the rendezvous',
        message: 'Opaque bytes',
        expires_at: 'Of the rendezvous',
      },
    )

    this.addSql(`
      CREATE TABLE backups (
        user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
        id_hash bytea NOT NULL,
        version bigint NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT now(),
        backup bytea NOT NULL
      )`)
    this.addSql('ALTER TABLE backups ALTER COLUMN backup SET STORAGE EXTERNAL')
    this.#comment('backups', 'The encrypted backup of each account', {
      user_id: 'Whose',
      id_hash: 'SHA-256 of the id that only the holder of the recovery key knows',
      version: 'Counted by the device: it only rises',
      stored_at: 'When it was last replaced',
      backup: 'Opaque bytes',
    })

    this.addSql('CREATE INDEX contacts_by_contact ON contacts (contact)')
  }

  override down(): void {
    this.addSql('DROP INDEX contacts_by_contact')
    this.addSql(`
      DROP TABLE backups, link_messages, link_reservations, pre_key_takers, kem_one_time_pre_keys, one_time_pre_keys,
        signed_pre_keys, device_certs, device_lists`)
    this.addSql('ALTER TABLE devices DROP COLUMN keys_low')
  }

  #comment(table: string, text: string, columns: Readonly<Record<string, string>>): void {
    this.addSql(`COMMENT ON TABLE ${table} IS '${text}'`)
    for (const [column, meaning] of Object.entries(columns)) {
      this.addSql(`COMMENT ON COLUMN ${table}.${column} IS '${meaning}'`)
    }
  }
}
