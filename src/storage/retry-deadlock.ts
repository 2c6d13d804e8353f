/** SQLSTATE of a statement that PostgreSQL undid because it and others waited for each other in a circle. */
const DEADLOCK = '40P01'
const ATTEMPTS = 3

/** Runs a statement again that was undone so. */
export async function retryDeadlock<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === ATTEMPTS || (error as { code?: unknown }).code !== DEADLOCK) throw error
    }
  }
}
