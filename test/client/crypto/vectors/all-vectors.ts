import { join } from 'node:path'
import { safetyNumberVectors } from './safety-number-vectors.ts'
import { sealVectors } from './seal-vectors.ts'
import { senderKeyVectors } from './sender-key-vectors.ts'
import { sessionVectors } from './session-vectors.ts'

/** Where the vectors are published, by the name of each file. */
export const VECTORS_DIRECTORY = join(import.meta.dirname, '../../../../client/vectors')

/** What each file holds, made with fixed randomness: one after the other, since the generator is of the process. */
export async function allVectors(): Promise<ReadonlyMap<string, readonly unknown[]>> {
  return new Map<string, readonly unknown[]>([
    ['seal.json', await sealVectors()],
    ['session.json', await sessionVectors()],
    ['sender-key.json', await senderKeyVectors()],
    ['safety-number.json', safetyNumberVectors()],
  ])
}

export function toJson(vectors: readonly unknown[]): string {
  return `${JSON.stringify(vectors, undefined, 2)}\n`
}
