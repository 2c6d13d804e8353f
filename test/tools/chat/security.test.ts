import test from 'ava'
import { decodeBase64Url } from '../../../client/crypto/base64url.ts'
import { linkDevice, memoryStore } from '../../../client/index.ts'
import { keys } from '../../../client/records.ts'
import { newPhone, register } from '../../helpers/http.ts'
import { shareServer } from '../../helpers/server.ts'
import { waitUntil } from '../../helpers/wait-until.ts'
import { readQr } from './read-qr.ts'
import { see, sitDown, sitDownLinked } from './sitter.ts'
import type { Sitter } from './sitter.ts'

const shared = shareServer(test)

/** The part of the screen where a QR code may be. */
function qrOf({ styled }: Sitter): string | undefined {
  const lines = styled().slice(1, -2)
  return readQr(lines.map((line) => line.split('\u{1b}[0m')[0] ?? ''))
}

function digitsOf({ screen }: Sitter): string {
  return (screen().match(/(\d{5} ){3}\d{5}/g) ?? []).join(' ')
}

test('both sides of a chat see the same sixty digits and can scan each other, and what is verified is marked', async (t) => {
  const [amina, bruno] = [await sitDown(t, shared()), await sitDown(t, shared())]
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('Hello')
  await see(amina, /Hello {2}\d\d:\d\d ✓✓/)
  await bruno.chat.entered(`/to ${amina.user}`)
  await amina.chat.entered('/safety verified')
  await see(amina, /Compare these digits first/)
  await bruno.chat.entered('/safety')
  await see(bruno, /Not verified\./)
  const digits = digitsOf(amina)
  t.is(digits.replaceAll(' ', '').length, 60)
  t.is(digitsOf(bruno), digits)
  const scanned = qrOf(bruno)
  t.true(await amina.client.trust.check(bruno.user, decodeBase64Url(scanned ?? '')))
  t.false(await bruno.client.trust.check(amina.user, decodeBase64Url(scanned ?? '')))
  await amina.client.trust.setVerified(bruno.user, false)
  await amina.chat.entered('/safety verified')
  await see(amina, /^ \+\d+ \[verified\]/)
  await amina.chat.entered('/safety')
  await see(amina, /✓ Verified: you have compared/)
  await amina.chat.entered('/safety unverified')
  await see(amina, /not verified any more/)
  t.notRegex(amina.screen(), /\[verified\]/)
})

test('what could not be sent goes again at /again, once somebody is there', async (t) => {
  const [amina, phone] = [await sitDown(t, shared()), newPhone()]
  await amina.chat.entered(`/to ${phone}`)
  await amina.chat.entered('/again')
  await see(amina, /Nothing in this chat waits to be sent again/)
  for (const text of ['one', 'two']) await amina.chat.entered(text)
  await see(amina, /one[^]*✗ not sent: nobody is registered[^]*two[^]*✗ not sent: nobody is registered/)
  const bruno = await sitDown(t, shared(), { phone })
  await amina.chat.entered('/again')
  await see(amina, /one {2}\d\d:\d\d ✓✓[^]*two {2}\d\d:\d\d ✓✓/)
  await bruno.chat.entered(`/to ${amina.user}`)
  await see(bruno, /one[^]*two/)
  t.notRegex(amina.screen(), /✗/)
})

test('new keys of somebody are a line in the chat, and what is written goes to them', async (t) => {
  const phone = newPhone()
  const [amina, bruno] = [await sitDown(t, shared()), await sitDown(t, shared(), { phone })]
  // Their keys are looked at, and nothing was written yet.
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('/safety')
  await see(amina, /Not verified\./)
  const again = await sitDown(t, shared(), { phone })
  await amina.chat.entered('Are you there?')
  await see(amina, /Are you there\? {2}\d\d:\d\d ✓✓/)
  await see(amina, new RegExp(`\\+${bruno.user} has new keys: a new phone, or somebody in\\s+between`))
  await again.chat.entered(`/to ${amina.user}`)
  await see(again, /Are you there\?/)
  t.pass()
})

test('new keys of somebody who was verified end that, and everything waits for the person', async (t) => {
  const phone = newPhone()
  const [amina, bruno] = [await sitDown(t, shared()), await sitDown(t, shared(), { phone })]
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('Hello')
  await see(amina, /Hello {2}\d\d:\d\d ✓✓/)
  await amina.chat.entered('/safety')
  await amina.chat.entered('/safety verified')
  await see(amina, /\[verified\]/)
  const again = await sitDown(t, shared(), { phone })
  await amina.chat.entered('Is it still you?')
  await see(amina, /\[new keys\]/)
  await see(amina, new RegExp(`\\+${bruno.user} has new keys: a new phone, or somebody in\\s+between`))
  t.notRegex(amina.screen(), /\[verified\]/)
  t.regex(amina.screen(), /Is it still you\? {2}\d\d:\d\d …/)
  t.is(again.chat.model.chats.length, 0)
  await amina.chat.entered('/safety accept')
  await see(amina, /Is it still you\? {2}\d\d:\d\d ✓✓/)
  await again.chat.entered(`/to ${amina.user}`)
  await see(again, /Is it still you\?/)
  await amina.chat.entered('/safety accept')
  await see(amina, /have not changed/)
})

test('with identities asked for nothing is sent under new keys before they are accepted', async (t) => {
  const phone = newPhone()
  const amina = await sitDown(t, shared(), { identityChanges: 'ask' })
  const bruno = await sitDown(t, shared(), { phone })
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('Hello')
  await see(amina, /Hello {2}\d\d:\d\d ✓✓/)
  const again = await sitDown(t, shared(), { phone })
  await amina.chat.entered('a secret')
  await see(amina, /\[new keys\]/)
  await see(amina, /Nothing is sent to \+\d+ before you accept the new keys/)
  t.regex(amina.screen(), /a secret {2}\d\d:\d\d …/)
  await amina.chat.entered('/safety')
  await see(amina, /They have new keys/)
  t.is(again.chat.model.chats.length, 0)
  await amina.chat.entered('/safety accept')
  await see(amina, /a secret {2}\d\d:\d\d ✓✓/)
  t.notRegex(amina.screen(), /\[new keys\]|Nothing is sent/)
  await see(again, /1 unread\) a secret/)
})

test('whoever writes to a hosted account is told first that an operator can read it', async (t) => {
  const { user } = await register(shared(), newPhone(), { hosted: true, device: { name: 'Bot', platform: 'api' } })
  const amina = await sitDown(t, shared())
  await see(amina, /● connected/)
  await amina.chat.entered(`/to ${user}`)
  await see(amina, new RegExp(`Messages with \\+${user} can be read by the operator of parley\\.example\\.`))
  await see(amina, /^ \+\d+ \[hosted\]/)
  await amina.chat.entered('/safety')
  await see(amina, /Their devices: 1 \(hosted\)/)
  t.pass()
})

test('a further device is linked after a question, gets what was before, and shows what the other one sends', async (t) => {
  const [amina, bruno] = [await sitDown(t, shared()), await sitDown(t, shared())]
  await amina.chat.entered(`/to ${bruno.user}`)
  for (const text of ['one', 'two', 'three']) await amina.chat.entered(text)
  await see(amina, /three {2}\d\d:\d\d ✓✓/)
  const second = await sitDownLinked(t, shared(), amina)
  await see(amina, /Linked: Second is device 2/)
  await see(second, /3 earlier messages have come/)
  await second.chat.entered(`/to ${bruno.user}`)
  await see(second, /one .*\n.*two .*\n.*three/)
  await amina.chat.entered('from the first')
  await see(second, / {20}from the first {2}\d\d:\d\d ✓/)
  await second.chat.entered('from the second')
  await see(amina, / {20}from the second {2}\d\d:\d\d ✓/)
  await bruno.chat.entered(`/to ${amina.user}`)
  await see(bruno, /from the first.*\n.*from the second/)
  await bruno.chat.entered('hello you two')
  await see(amina, /^ hello you two/m)
  await see(second, /^ hello you two/m)

  await amina.chat.entered('/devices')
  await see(amina, /1 {2}Test {2}← this one\n +since today, last used today\n +signed with your account key/)
  t.regex(amina.screen(), /2 {2}Second\n +since today/)
  await second.chat.entered('/devices')
  await see(second, /2 {2}Second {2}← this one/)
  t.regex(second.screen(), /Only device 1 links and removes others/)
  void second.chat.entered('/devices remove 1')
  await see(second, /Remove device 1, Test\?/)
  await second.chat.entered('y')
  await see(second, /only the first device/)
  await amina.chat.entered('/devices remove 7')
  await see(amina, /no device 7/)
  await amina.chat.entered('/devices remove 1')
  await see(amina, /cannot remove itself/)
  void amina.chat.entered('/devices remove 2')
  await see(amina, /Remove device 2, Second\?/)
  await see(amina, /Type y or n and press Enter/)
  await amina.chat.entered('n')
  await see(amina, /Nothing was removed/)
  t.is((await amina.client.devices.list()).length, 2)
  void amina.chat.entered('/devices remove 2')
  await see(amina, /Remove device 2, Second\?/)
  await amina.chat.entered('y')
  await see(amina, /Device 2 is removed/)
  await see(second, /This device was removed from the account.*--link/)
})

test('the code of a new device on the screen is the one that links it, and no is no', async (t) => {
  const amina = await sitDown(t, shared())
  let shown = { code: '', digits: '' }
  const showCode = (code: string): void => {
    shown = { ...shown, code }
    void amina.chat.entered(`/link ${code}`)
  }
  const showDigits = (digits: string): void => {
    shown = { ...shown, digits }
  }
  const name = 'Evil\u{1b}[2J'
  const linking = linkDevice(shared().url, { store: memoryStore(), name, platform: 'x', showCode, showDigits })
  // It waits for two minutes.
  linking.catch(() => {})
  await see(amina, /Link Evil\[2J to your account\?/)
  await waitUntil('the new device shows digits', () => shown.digits !== '')
  t.true(amina.screen().includes(shown.digits.replace(/(...)/, '$1 ')))
  await amina.chat.entered('no')
  await see(amina, /The device was not linked/)
  t.is((await amina.client.devices.list()).length, 1)
  await amina.chat.entered(`/link ${shown.code}`)
  await see(amina, /begin again with a new code/)
  await amina.chat.entered('/link nonsense!')
  await see(amina, /not the code of a new device/)
  await amina.chat.entered(`/link ${shown.code.slice(0, 100)}`)
  await see(amina, /incomplete/)
})

test('a message that cannot be read yet is replaced by its text', async (t) => {
  const [amina, bruno] = [await sitDown(t, shared()), await sitDown(t, shared())]
  await bruno.chat.entered(`/to ${amina.user}`)
  await amina.chat.entered(`/to ${bruno.user}`)
  await amina.chat.entered('first')
  await see(bruno, /^ first/m)
  await bruno.chat.entered('hello')
  await see(amina, /^ hello/m)
  const texts: string[] = []
  bruno.client.on('message', ({ body }) => texts.push(body.type))
  await bruno.store.transaction(async (transaction) => transaction.delete(keys.session(amina.user, 1)))
  await amina.chat.entered('second')
  await see(bruno, /^ second {2}\d\d:\d\d$/m)
  t.deepEqual(texts, ['undecrypted'])
  t.notRegex(bruno.screen(), /waiting for this message/)
})
