import test from 'ava'
import { memoryStore } from '../../../client/index.ts'
import { Contacts } from '../../../tools/chat/contacts.ts'
import { Names } from '../../../tools/chat/names.ts'

const [ANNA, ANNIKA, BRUNO] = [15550000001, 15550000002, 15550000003]

test('somebody is meant by number, by name in any case, or by the beginning of one name', (t) => {
  const names = new Names([
    [ANNA, 'Anna'],
    [ANNIKA, 'Annika Müller'],
  ])
  for (const typed of ['Anna', ' anna ', 'ANNA', '+1 555 000 0001']) t.deepEqual(names.resolve(typed), { user: ANNA })
  for (const typed of ['anni', 'annika  müller', 'Annika Mu\u{308}ller'])
    t.deepEqual(names.resolve(typed), { user: ANNIKA })
  t.deepEqual(names.resolve('Ann'), { why: 'Which one? Anna, Annika Müller' })
  t.regex((names.resolve('Bob') as { why: string }).why, /"Bob" is not a phone number, nor a name/)
  t.true('why' in names.resolve(''))
  t.true('why' in new Names().resolve('Anna'))
})

test('names are shown beside the number where both count, and the number alone where there is none', (t) => {
  const names = new Names([[ANNA, 'Anna']])
  t.is(names.nameOf(ANNA), 'Anna')
  t.is(names.nameOf(BRUNO), '+15550000003')
  t.is(names.fullNameOf(ANNA), 'Anna  +15550000001')
  t.is(names.fullNameOf(BRUNO), '+15550000003')
})

test('names are kept in the store of the account, changed, and taken away', async (t) => {
  const store = memoryStore()
  const contacts = await Contacts.open(store)
  t.is(await contacts.call(ANNA, 'Anna'), '+15550000001 is called Anna')
  t.is(await contacts.call(BRUNO, ' Bruno \u{202e}\u{1b}[2J B. '), '+15550000003 is called Bruno [2J B.')
  t.deepEqual((await Contacts.open(store)).names.resolve('anna'), { user: ANNA })
  t.is(await contacts.call(ANNA, 'Anni'), 'Anna is called Anni')
  t.is(await contacts.call(ANNA, ''), 'Anni has no name any more')
  t.is((await Contacts.open(store)).names.find(ANNA), undefined)
})

test('a name is of one person alone, and no number', async (t) => {
  const contacts = await Contacts.open(memoryStore())
  await contacts.call(ANNA, 'Anna')
  t.regex(await contacts.call(BRUNO, 'anna'), /Anna is \+15550000001 already/)
  t.regex(await contacts.call(BRUNO, '12'), /must not be a number/)
  t.regex(await contacts.call(BRUNO, '+1 555 000 0009'), /must not be a number/)
  t.regex(await contacts.call(BRUNO, '\u{200b}'), /letters that can be seen/)
  t.is(contacts.names.find(BRUNO), undefined)
})
