import { createHash } from 'node:crypto'
import nacl from 'tweetnacl'

/** Runs it with a generator that gives the same bytes each time. @returns also what was drawn, draw by draw */
export async function withSeed<T>(
  seed: string,
  run: () => T | Promise<T>,
): Promise<{ result: T; drawn: Uint8Array[] }> {
  const drawn: Uint8Array[] = []
  nacl.setPRNG((target, count) => {
    const bytes = expand(`${seed}/${drawn.length}`, count)
    drawn.push(bytes)
    target.set(bytes)
  })
  try {
    return { result: await run(), drawn }
  } finally {
    nacl.setPRNG((target, count) => {
      target.set(crypto.getRandomValues(new Uint8Array(count)))
    })
  }
}

function expand(name: string, count: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: count }).update(name).digest())
}
