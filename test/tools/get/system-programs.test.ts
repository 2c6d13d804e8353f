import test from 'ava'
import { adviseInstall } from '../../../tools/get/system-programs.ts'

test('missing packages are installed by root where there is apt-get, else the advice says by what', (t) => {
  t.is(adviseInstall(['haproxy', 'chromium'], true, true), undefined)
  t.is(adviseInstall(['haproxy', 'chromium'], false, true), 'sudo apt-get install haproxy chromium')
  t.regex(adviseInstall(['haproxy'], true, false) ?? '', /^install haproxy with the package manager/)
})
