import { Migration } from '@mikro-orm/migrations'

/** Codes by who asked for them, limits that hold for all nodes, and the account keys that were. */
export class AskingsAndBuckets extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE askings (
        user_id bigint NOT NULL,
        session_hash bytea NOT NULL,
        code_salt bytea NOT NULL,
        code_hash bytea NOT NULL,
        tries_left smallint NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, session_hash)
      )`)
    this.#comment('askings', 'Verification codes that were asked for, each by who asked', {
      user_id: 'The phone number that the code went to, without its plus sign',
      session_hash: 'SHA-256 of the secret that whoever asked was given',
      code_salt: 'Random, for code_hash; two askings that share a code share it',
      code_hash: 'Keyed hash of the code',
      tries_left: 'Wrong codes and PINs that whoever asked may still try',
      expires_at: 'The code is worth nothing from then on',
    })
    this.addSql(`
      COMMENT ON TABLE registrations
        IS 'Phone numbers that are being registered: the newest code, for nodes of version 0.1, and who registers now'`)

    this.addSql(`
      CREATE TABLE buckets (
        key bytea PRIMARY KEY,
        tokens double precision NOT NULL,
        counted_at timestamptz NOT NULL,
        full_at timestamptz NOT NULL
      ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`)
    this.#comment('buckets', 'Limits that hold for all nodes: what is left of each. In the first database', {
      key: 'Keyed hash of the name of the limit and of what it is counted by',
      tokens: 'What was left, as of counted_at',
      counted_at: 'When it was counted last',
      full_at: 'The bucket is full again from then on, and may be forgotten',
    })

    this.addSql('CREATE TABLE masked_tokens (since timestamptz NOT NULL)')
    this.#comment(
      'masked_tokens',
      'From when on new tokens do not begin with the phone number. In the first database',
      {
        since: 'Nodes of version 0.1 cannot read such tokens: where one ever ran, it may come back for a week',
      },
    )
    this.addSql(`
      INSERT INTO masked_tokens (since)
      SELECT now() + CASE WHEN EXISTS (SELECT FROM node_numbers) THEN interval '7 days' ELSE interval '0' END`)

    this.addSql(`
      CREATE TABLE earlier_identities (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        key_hash bytea NOT NULL,
        replaced_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, key_hash)
      )`)
    this.#comment('earlier_identities', 'The account keys that users had before, for those who still know one', {
      user_id: 'Whose key it was',
      key_hash: 'SHA-256 of the account key',
      replaced_at: 'When another key took its place',
    })
  }

  override down(): void {
    this.addSql('DROP TABLE earlier_identities, masked_tokens, buckets, askings')
  }

  #comment(table: string, text: string, columns: Readonly<Record<string, string>>): void {
    this.addSql(`COMMENT ON TABLE ${table} IS '${text}'`)
    for (const [column, meaning] of Object.entries(columns)) {
      this.addSql(`COMMENT ON COLUMN ${table}.${column} IS '${meaning}'`)
    }
  }
}
