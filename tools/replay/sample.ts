import { pick, seededRandom } from './random.ts'

export interface SampleOptions {
  readonly messages: number
  readonly authors: number
  readonly seed: number
}

const names = ['Amina', 'Bruno', 'Chloé', 'Dmitri', 'Ewa', '李明', 'Gül', 'Hugo 🚲', 'Inês', 'Jonas'] as const

const texts = [
  'Good morning ☀️',
  'Are we still on for tonight?',
  'Yes! 🎉🎉',
  'Who brings the salad: me or you?',
  'ok',
  'On my way 🏃‍♀️ 5 min',
  'That is 12:30 - not 13:00, right?',
  'Look at this: https://example.org/a?b=c&d=e#f',
  'Ça va être génial 😄',
  'Завтра дождь ☔',
  'مرحبا، كيف حالك؟',
  'また明日ね 👋🏽',
  'My list:\n- bread\n- milk\n- 🧀\n\nThat is all.',
  '👨‍👩‍👧‍👦',
  '❤️',
  '<Media omitted>',
  'This message was deleted',
  'One line\nand one more with "quotes" and a \\ backslash',
  'Ha, I knew it: 2 + 2 = 4 😂',
  'A longer one, because some people write whole letters into their chat: first the weather, then the news of everybody ' +
    'whom you have ever met, then a recipe for soup, and in the end the question that it was all about. Well? 🤔',
] as const

/** A chat as Android's WhatsApp exports it: several authors, emoji, several lines, notes of the system. */
export function sampleExport({ messages, authors, seed }: SampleOptions): string {
  const random = seededRandom(seed)
  const members = Array.from({ length: authors }, (_, index) => names[index] ?? `Guest ${index + 1}`)
  const lines = [line(0, 'Messages and calls are end-to-end encrypted. No one outside of this chat can read them.')]
  let minutes = 0
  for (let count = 0; count < messages; count += 1) {
    minutes += Math.floor(random() * 8)
    // Everybody writes at least once.
    const author = members[count] ?? members[Math.floor(random() * authors)] ?? ''
    const text = random() < 0.2 ? `${pick(random, texts)} (${count + 1})` : pick(random, texts)
    lines.push(line(minutes, `${author}: ${text}`))
    if (random() < 0.005) lines.push(line(minutes, `${author} changed the subject to "Tonight 🍝"`))
  }
  return `${lines.join('\n')}\n`
}

function line(minutes: number, text: string): string {
  const at = new Date(Date.UTC(2024, 2, 17, 8, minutes))
  const two = (value: number): string => String(value).padStart(2, '0')
  const date = `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}/${at.getUTCFullYear()}`
  return `${date}, ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} - ${text}`
}
