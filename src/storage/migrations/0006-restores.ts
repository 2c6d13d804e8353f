import { Migration } from '@mikro-orm/migrations'

/** When this database was restored from a back-up: devices hear what may be lost, and send it again. */
export class Restores extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE restores (
        restored_at timestamptz PRIMARY KEY DEFAULT now(),
        restored_to timestamptz NOT NULL
      )`)
    this.addSql(`COMMENT ON TABLE restores IS 'Each time that this database was restored from a back-up'`)
    this.addSql(`COMMENT ON COLUMN restores.restored_at IS 'When it was restored'`)
    this.addSql(`COMMENT ON COLUMN restores.restored_to IS 'What was stored after this time is lost'`)
  }
}
