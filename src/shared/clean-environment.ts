/**
 * Imported first by every program: what a shell has set for other programs must not change how this one reaches its
 * databases. Two libraries look at such variables as soon as they are loaded, and one even prefers them to what it is told.
 */
for (const name of Object.keys(process.env)) {
  if (name === 'NODE_PG_FORCE_NATIVE' || name.startsWith('MIKRO_ORM_')) delete process.env[name]
}

/**
 * Forgets the variables of libpq (PGPORT, PGSSLMODE, PGOPTIONS …), for this process and those it starts: they are for other
 * servers than an embedded one. Servers that DATABASE_URLS names may want them.
 */
export function forgetLibpqVariables(): void {
  for (const name of Object.keys(process.env)) if (/^PG[A-Z]/.test(name)) delete process.env[name]
}
