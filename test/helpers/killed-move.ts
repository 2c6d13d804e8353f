import { Client } from 'pg'
import { databaseName } from '../../src/storage/database-name.ts'
import { SlotMove } from '../../src/storage/slot-move.ts'
import type { MoveEnd } from '../../src/storage/slot-move.ts'

/**
 * A program that moves a slot from the first database to the second, and is killed (kill -9) at a step, or at the first
 * bytes that it copies: `killed-move.ts <slot> <step | bytes>`.
 */
const [slot, where] = process.argv.slice(2)
const ends: MoveEnd[] = []
for (const url of process.env['DATABASE_URLS']!.split(',')) {
  const client = new Client(url)
  await client.connect()
  ends.push({ name: databaseName(url), client })
}
const dieAt = (place: string): void => {
  if (place === where) process.kill(process.pid, 'SIGKILL')
}
const move = await SlotMove.open(ends[0]!, ends[1]!, { step: (step) => dieAt(step), copied: () => dieAt('bytes') })
await move.run([Number(slot)])
