/** Environment variable: set by `npm run test:long`. */
export const LONG = 'PARLEY_TEST_LONG'

/**
 * How often a test does what is long by nature (walks, random inputs, seconds of faults): `short` in `npm test`, `long`
 * in `npm run test:long`, which runs the test files that import this one, themselves or through their helpers.
 */
export function times<T>(short: T, long: T): T {
  return process.env[LONG] === undefined ? short : long
}
