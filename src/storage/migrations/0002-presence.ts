import { Migration } from '@mikro-orm/migrations'

/** When users were last seen, and who may know. */
export class Presence extends Migration {
  override up(): void {
    // Room on each page keeps the update of every last disconnect a heap-only one; no index may be on what it changes.
    this.addSql('ALTER TABLE users SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)')
    this.addSql(`
      ALTER TABLE users
        ADD COLUMN last_seen_at bigint,
        ADD COLUMN last_seen_to text NOT NULL DEFAULT 'everyone'`)
    this.addSql(
      `COMMENT ON COLUMN users.last_seen_at IS 'When a device was last connected: ms since 1970; null: never'`,
    )
    this.addSql(`
      COMMENT ON COLUMN users.last_seen_to
        IS 'Who may know whether the user is online, and since when not: everyone, contacts or nobody'`)

    this.addSql(`
      CREATE TABLE contacts (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        contact bigint NOT NULL,
        PRIMARY KEY (user_id, contact)
      )`)
    this.addSql(`COMMENT ON TABLE contacts IS 'Whom users know, as far as they say so'`)
    this.addSql(`COMMENT ON COLUMN contacts.user_id IS 'Whose contact it is'`)
    this.addSql(`COMMENT ON COLUMN contacts.contact IS 'The user they know: a phone number, registered here or not'`)
  }

  override down(): void {
    this.addSql('DROP TABLE contacts')
    this.addSql('ALTER TABLE users DROP COLUMN last_seen_at, DROP COLUMN last_seen_to')
    this.addSql('ALTER TABLE users RESET (fillfactor, autovacuum_vacuum_scale_factor)')
  }
}
