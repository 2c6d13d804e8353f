import { queryOnce } from './query-once.ts'

/** Writes into a database that it was restored: what it had taken after that time is lost, and devices are told so. */
export async function noteRestore(url: string, restoredTo: Date): Promise<void> {
  await queryOnce(url, 'INSERT INTO restores (restored_to) VALUES ($1) RETURNING restored_at', [restoredTo])
}
