import { times } from './test/helpers/long.ts'

/** What takes longest: begun last, it would run on alone. */
const FIRST = /\/test\/(chaos|cluster|faults|tools\/(replay|chat|load))\//

export default {
  files: ['test/**/*.test.ts', ...times(['!test/**/*.long.test.ts'], [])],
  extensions: ['ts', 'js'],
  sortTestFiles: (a, b) => FIRST.test(b) - FIRST.test(a) || (a < b ? -1 : 1),
  workerThreads: false,
  concurrency: 4,
  timeout: '2m',
  require: ['./test/suite/test-process.ts'],
}
