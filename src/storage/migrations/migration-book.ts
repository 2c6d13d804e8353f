import type { Migration } from '@mikro-orm/migrations'

/** Migrations, and the table that remembers which of them a database has. */
export interface MigrationBook {
  readonly table: string
  readonly migrations: readonly NamedMigration[]
}

export interface NamedMigration {
  readonly name: string
  readonly class: new (...args: ConstructorParameters<typeof Migration>) => Migration
}

/** The number that a migration's name begins with: what a version knows is the highest of its own. */
export function levelOf(name: string): number {
  return Number(/^\d{4}/.exec(name)?.[0] ?? NaN)
}

/** The level that a version must know at least to run on a database with this migration; NaN: the name does not say. */
export function oldestLevelFor(name: string): number {
  return Number(/\.from-(\d{4})$/.exec(name)?.[1] ?? NaN)
}
