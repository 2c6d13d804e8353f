/**
 * Writes client/vectors/*.json: `node test/client/crypto/make-vectors.ts`. Only for a new version of the protocol, or more
 * cases: what stands there is what other implementations were tested with.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { allVectors, toJson, VECTORS_DIRECTORY } from './vectors/all-vectors.ts'

for (const [name, vectors] of await allVectors()) await writeFile(join(VECTORS_DIRECTORY, name), toJson(vectors))
