import test from 'ava'
import { helpLines, parseCommand, parsePasted } from '../../../tools/chat/commands.ts'
import { width } from '../../../tools/chat/cells.ts'

test('text is sent, trimmed, and two slashes begin a text with one', (t) => {
  t.deepEqual(parseCommand('  Hello there '), { type: 'send', text: 'Hello there' })
  t.deepEqual(parseCommand('//etc/hosts'), { type: 'send', text: '/etc/hosts' })
  t.deepEqual(parseCommand('   '), { type: 'nothing' })
})

test('a chat is opened by its number in every way of writing, or by its place in the list', (t) => {
  t.deepEqual(parseCommand('/to +15550000002'), { type: 'open', user: 15550000002 })
  t.deepEqual(parseCommand('/TO +1 (555) 000-0002'), { type: 'open', user: 15550000002 })
  t.deepEqual(parseCommand('/to 2'), { type: 'openListed', number: 2 })
  t.is(parseCommand('/to').type, 'wrong')
  t.is(parseCommand('/to +1555').type, 'wrong')
  t.deepEqual(parseCommand('/to Bob  Miller'), { type: 'openNamed', name: 'Bob Miller' })
})

test('a number, a place in the list or the open chat gets a name, and loses it', (t) => {
  const named = (line: string): unknown => parseCommand(line)
  const user = { type: 'user', user: 15550000002 } as const
  t.deepEqual(named('/name +15550000002 Anna B'), { type: 'name', whom: user, name: 'Anna B' })
  t.deepEqual(named('/name +1 (555) 000-0002 Anna'), { type: 'name', whom: user, name: 'Anna' })
  t.deepEqual(named('/name +15550000002'), { type: 'name', whom: user, name: '' })
  t.deepEqual(named('/name 2 Anna'), { type: 'name', whom: { type: 'listed', number: 2 }, name: 'Anna' })
  t.deepEqual(named('/name Anna'), { type: 'name', whom: { type: 'open' }, name: 'Anna' })
  t.is(parseCommand('/name').type, 'wrong')
})

test('what was pasted is a text, and the code of a device does not go out as one', (t) => {
  t.deepEqual(parsePasted(' /quit\n/offline\n'), { type: 'send', text: '/quit\n/offline' })
  t.deepEqual(parsePasted('//etc'), { type: 'send', text: '//etc' })
  t.deepEqual(parsePasted(' \n'), { type: 'nothing' })
  t.is(parsePasted('/link AVAx_y-z').type, 'wrong')
})

test('the help fits into a terminal of 80 by 24', (t) => {
  t.true(helpLines.length <= 20)
  for (const line of helpLines) t.true(width(line) <= 80, line)
})

test('every command of the help is one', (t) => {
  const names = helpLines.join('\n').match(/(?<=\s)\/[a-z]+/g) ?? []
  t.true(names.length > 5)
  for (const name of names) {
    const types = ['', ' 1'].map((rest) => parseCommand(name + rest).type)
    t.false(
      types.every((type) => type === 'wrong'),
      name,
    )
  }
  t.is(parseCommand('/halp').type, 'wrong')
})

test('keys and devices have commands, and what is misspelt is told', (t) => {
  t.deepEqual(parseCommand('/safety'), { type: 'safety', action: 'show' })
  t.deepEqual(parseCommand('/safety Verified'), { type: 'safety', action: 'verified' })
  t.deepEqual(parseCommand('/safety accept'), { type: 'safety', action: 'accept' })
  t.deepEqual(parseCommand('/devices'), { type: 'devices' })
  t.deepEqual(parseCommand('/devices remove 2'), { type: 'removeDevice', device: 2 })
  for (const typed of ['/link AVAx_y-z', '/link AVAx _y-\nz', '/link /link AVAx_y-z'])
    t.deepEqual(parseCommand(typed), { type: 'link', code: 'AVAx_y-z' }, typed)
  for (const wrong of ['/safety yes', '/devices remove', '/devices remove x', '/devices 2', '/link'])
    t.is(parseCommand(wrong).type, 'wrong', wrong)
})
