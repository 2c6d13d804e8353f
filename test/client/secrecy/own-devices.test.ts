import test from 'ava'
import { newPhone } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { addDevice } from '../helpers/further-device.ts'
import { enrol, exchange, newPerson, online, openPerson, texts } from '../helpers/person.ts'
import type { Person } from '../helpers/person.ts'
import { lasting } from '../helpers/stores.ts'

const server = shareServer(test)

test('own devices read what each has sent, and what one of them has read is read on the other', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await online(bruno)
  const store = lasting(await addDevice(server().url, bruno.client))
  const tablet = await openPerson(t, { user: bruno.user, store }, { url: server().url })
  await online(tablet)
  const sent: string[] = []
  tablet.client.on('sent', ({ body }) => sent.push(body.type === 'text' ? body.text : body.type))
  amina.client.sendText(bruno.user, 'Hello, both')
  await waitUntil('both read it', () => bruno.shown.length === 1 && tablet.shown.length === 1)
  await bruno.client.markRead(bruno.shown)
  await waitUntil('it is read on the other', () => tablet.changed.length === 1)
  t.like(tablet.changed[0], { read: true, body: { text: 'Hello, both' } })
  bruno.client.sendText(amina.user, 'from the phone')
  await waitUntil('Amina reads it', () => amina.shown.length === 1)
  await waitUntil('the tablet shows it', () => sent.length === 1)
  t.deepEqual(sent, ['from the phone'])
  t.is(
    (await tablet.client.trust.of(amina.user))?.safetyNumber,
    (await bruno.client.trust.of(amina.user))?.safetyNumber,
  )
})

test('a linked device that comes back to a chat with somebody new shows it as the others do, read, and with their ticks', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await online(bruno)
  const account = { user: bruno.user, store: lasting(await addDevice(server().url, bruno.client)) }
  const first = await openPerson(t, account, { url: server().url })
  await online(first)
  await first.client.close()
  for (const number of [1, 2, 3]) {
    amina.client.sendText(bruno.user, `question ${number}`)
    await waitUntil('it is read', () => bruno.shown.length === number)
    await bruno.client.markRead(bruno.shown)
    const answer = bruno.client.sendText(amina.user, `answer ${number}`)
    await waitUntil('the answer is there', () => amina.shown.length === number)
    await amina.client.markRead(amina.shown)
    await waitUntil('its author knows', () =>
      bruno.receipts.some(({ id, status }) => id === answer.id && status === 'read'),
    )
  }
  const tablet = await openPerson(t, account, { url: server().url })
  const stateOf = async ({ client }: Person): Promise<string[]> =>
    (await client.history(amina.user)).map((message) => {
      const state = message.direction === 'out' ? message.status : message.read
      return `${texts([message]).join('')} ${state} ${message.order} ${message.sentAt}`
    })
  const wanted = await stateOf(bruno)
  t.deepEqual(
    wanted.map((line) => line.split(' ').slice(0, 3).join(' ')),
    [1, 2, 3].flatMap((number) => [`question ${number} true`, `answer ${number} read`]),
  )
  await waitUntil('all of it is there', async () => (await stateOf(tablet)).length === 6)
  await waitUntil('it is the same', async () => (await stateOf(tablet)).join() === wanted.join())
  t.like((await tablet.client.chats())[0], { unread: 0 })
  // What comes while it is there, too.
  const last = tablet.client.sendText(amina.user, 'from the tablet')
  await waitUntil('Amina reads it', () => amina.shown.length === 4)
  await amina.client.markRead(amina.shown)
  const isRead = async ({ client }: Person): Promise<boolean> =>
    (await client.history(amina.user)).some(
      (one) => one.id === last.id && one.direction === 'out' && one.status === 'read',
    )
  for (const person of [bruno, tablet]) await waitUntil('it is read on both', () => isRead(person))
  t.deepEqual(await stateOf(tablet), await stateOf(bruno))
})

test('a newly linked device shows how far each message has come', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await exchange(amina, bruno)
  await bruno.client.markRead(bruno.shown)
  await waitUntil('it is read', () => amina.receipts.some(({ status }) => status === 'read'))
  const store = lasting(await addDevice(server().url, amina.client))
  const tablet = await openPerson(t, { user: amina.user, store }, { url: server().url })
  await waitUntil('it has come', async () => (await tablet.client.history(bruno.user)).length === 2)
  t.deepEqual(await tablet.client.history(bruno.user), await amina.client.history(bruno.user))
})

test('whom one device has verified is verified on the others, those linked later too, until one of them takes it back', async (t) => {
  const [amina, bruno] = [await newPerson(t, server()), await newPerson(t, server())]
  await exchange(amina, bruno)
  const link = async (): Promise<Person> => {
    const store = lasting(await addDevice(server().url, bruno.client))
    const person = await openPerson(t, { user: bruno.user, store }, { url: server().url })
    await online(person)
    return person
  }
  const isVerified = async ({ client }: Person): Promise<boolean> => (await client.trust.ask(amina.user)).verified
  const tablet = await link()
  await bruno.client.trust.setVerified(amina.user, true)
  await waitUntil('the tablet knows', () => isVerified(tablet))
  const laptop = await link()
  await waitUntil('the laptop knows', () => isVerified(laptop))
  await laptop.client.trust.setVerified(amina.user, false)
  for (const person of [bruno, tablet]) await waitUntil('it is taken back', async () => !(await isVerified(person)))
  t.deepEqual([...bruno.errors, ...tablet.errors, ...laptop.errors], [])
})

test('new keys that are accepted on one device are accepted on the others, and what waited there goes out', async (t) => {
  const cautious = { url: server().url, identityChanges: 'ask' as const }
  const amina = await newPerson(t, server(), cautious)
  const phone = newPhone()
  const bruno = await openPerson(t, await enrol(server(), { phone }), cautious)
  await exchange(amina, bruno)
  const store = lasting(await addDevice(server().url, amina.client))
  const tablet = await openPerson(t, { user: amina.user, store }, cautious)
  await online(tablet)
  await tablet.client.trust.ask(bruno.user)
  await bruno.client.close()
  const again = await openPerson(t, await enrol(server(), { phone }), cautious)
  await online(again)
  for (const [{ client }, text] of [
    [amina, 'from the phone'],
    [tablet, 'from the tablet'],
  ] as const) {
    client.sendText(again.user, text)
    await waitUntil('it waits', async () => (await client.trust.of(again.user))?.changed === true)
  }
  await amina.client.trust.accept(again.user)
  await waitUntil('both have come', () => again.shown.length === 2)
  t.deepEqual(texts(again.shown).toSorted(), ['from the phone', 'from the tablet'])
  t.like(await tablet.client.trust.of(again.user), { changed: false, verified: false })
})
