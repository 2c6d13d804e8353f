import { Migration } from '@mikro-orm/migrations'

/** Which slots a database holds, and what guards those that are moved: see `slot-move.ts` and `slot-guard.ts`. */
export class Slots extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE slots (
        slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 1023),
        state text NOT NULL CHECK (state IN ('here', 'copying', 'leaving', 'away', 'arriving')),
        peer text,
        cleared boolean NOT NULL DEFAULT false,
        changed_at timestamptz NOT NULL DEFAULT now()
      )`)
    this.#comment('slots', 'The slots of users that this database holds, held or will hold', {
      slot: '0 to 1023: slot_of of a user',
      state: 'here: served · copying: served, and copied · leaving: frozen · away: moved · arriving: not served yet',
      peer: 'The other database of a move, as host/database',
      cleared: 'Of a slot that is away: its rows are deleted',
      changed_at: 'When the state last changed',
    })

    this.addSql('CREATE TABLE slot_version (version bigint NOT NULL)')
    this.addSql('INSERT INTO slot_version VALUES (0)')
    this.#comment('slot_version', 'One row, so that nodes learn with one cheap query whether the slots changed', {
      version: 'Grows with every change of the table slots',
    })

    this.addSql(`
      CREATE TABLE slot_changes (
        relation text NOT NULL,
        key jsonb NOT NULL
      )`)
    this.#comment('slot_changes', 'Rows that were written while their slot was copied', {
      relation: 'The table of the row',
      key: 'Its primary key: the columns in order, as texts',
    })

    // The finalizer of MurmurHash3 over both halves of the id, in 32 bits: a product of 32 × 32 bits would overflow,
    // so it is made of two of 16 × 32.
    this.addSql(`
      CREATE FUNCTION slot_of(user_id bigint) RETURNS integer
      LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
      DECLARE
        h bigint := user_id & 4294967295;
      BEGIN
        h := h # (h >> 16);
        h := ((((h >> 16) * 2246822507 & 65535) << 16) + (h & 65535) * 2246822507) & 4294967295;
        h := h # (h >> 13);
        h := ((((h >> 16) * 3266489909 & 65535) << 16) + (h & 65535) * 3266489909) & 4294967295;
        h := h # (h >> 16) # (user_id >> 32);
        h := h # (h >> 16);
        h := ((((h >> 16) * 2246822507 & 65535) << 16) + (h & 65535) * 2246822507) & 4294967295;
        h := h # (h >> 13);
        h := ((((h >> 16) * 3266489909 & 65535) << 16) + (h & 65535) * 3266489909) & 4294967295;
        RETURN (h # (h >> 16)) & 1023;
      END $$`)
    this.addSql(`COMMENT ON FUNCTION slot_of IS 'The slot of a user: the same as slotOf of the server, for ever'`)

    this.addSql(`
      CREATE FUNCTION refuse_row_of_slot() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF current_setting('parley.moving', true) = 'on' THEN
          IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'this database does not serve slot % now',
          slot_of(CASE WHEN TG_OP = 'DELETE' THEN OLD.user_id ELSE NEW.user_id END)
          USING ERRCODE = 'PA001', TABLE = TG_TABLE_NAME;
      END $$`)
    this.addSql(`COMMENT ON FUNCTION refuse_row_of_slot IS 'Guards slots that are frozen, away or arriving'`)

    this.addSql(`
      CREATE FUNCTION log_row_of_slot() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        EXECUTE format('INSERT INTO slot_changes SELECT $2, jsonb_build_array(%s)', TG_ARGV[0])
          USING CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END, TG_TABLE_NAME;
        RETURN NULL;
      END $$`)
    this.addSql(`COMMENT ON FUNCTION log_row_of_slot IS 'Notes rows written while their slot is copied'`)
  }

  override down(): void {
    this.addSql('DROP FUNCTION log_row_of_slot, refuse_row_of_slot, slot_of')
    this.addSql('DROP TABLE slot_changes, slot_version, slots')
  }

  #comment(table: string, text: string, columns: Readonly<Record<string, string>>): void {
    this.addSql(`COMMENT ON TABLE ${table} IS '${text}'`)
    for (const [column, meaning] of Object.entries(columns)) {
      this.addSql(`COMMENT ON COLUMN ${table}.${column} IS '${meaning}'`)
    }
  }
}
