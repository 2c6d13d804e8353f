import { Migration } from '@mikro-orm/migrations'

/** The stores of hosted devices: sealed before they come here. They go with their device. */
export class HostedStores extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE hosted_key_boxes (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        generation integer NOT NULL,
        master_key_id bytea NOT NULL,
        box bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, device, generation),
        FOREIGN KEY (user_id, device) REFERENCES devices ON DELETE CASCADE
      )`)
    this.#comment('hosted_key_boxes', 'Keys of the stores of hosted devices, each sealed under a master key', {
      user_id: 'Whose device it is',
      device: 'The device whose store it is',
      generation: 'Of the key: the highest seals, all open',
      master_key_id: 'Which master key opens the box',
      box: 'The sealed key',
      created_at: 'When it was made',
    })

    // Room on each page keeps most updates heap-only ones: a session changes with every message.
    this.addSql(`
      CREATE TABLE hosted_records (
        user_id bigint NOT NULL,
        device smallint NOT NULL,
        key bytea NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (user_id, device, key),
        FOREIGN KEY (user_id, device) REFERENCES devices ON DELETE CASCADE
      ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`)
    // Ciphertext does not compress: do not try.
    this.addSql('ALTER TABLE hosted_records ALTER COLUMN value SET STORAGE EXTERNAL')
    this.#comment('hosted_records', 'What hosted devices keep, record by record', {
      user_id: 'Whose device it is',
      device: 'The device whose store it is',
      key: 'Name of the record: no content, but it may name users and messages',
      value: 'The content, sealed for this place; it names the generation of its key',
    })
  }

  override down(): void {
    this.addSql('DROP TABLE hosted_records, hosted_key_boxes')
  }

  #comment(table: string, text: string, columns: Readonly<Record<string, string>>): void {
    this.addSql(`COMMENT ON TABLE ${table} IS '${text}'`)
    for (const [column, meaning] of Object.entries(columns)) {
      this.addSql(`COMMENT ON COLUMN ${table}.${column} IS '${meaning}'`)
    }
  }
}
