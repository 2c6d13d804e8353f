import { makeTable, mib } from '../bench/format.ts'
import type { Outcome } from './trial.ts'
import { figuresOf, findDelay, findHarm } from './verdict.ts'

const WIDE = 34
const MOST_ANSWERS = 4

const HEAD = [
  'attacker',
  'sent',
  'answered how',
  'livez max',
  '✓ p50 / p99 ms',
  'heap / rss MiB',
  'loop ms',
  'files',
  'db/byte',
  'answer/byte',
  'lost',
  'verdict',
]

/** The table of a run. */
export function renderReport(outcomes: readonly Outcome[]): string {
  const table = makeTable([...HEAD])
  for (const outcome of outcomes) table.push(row(outcome).map(wrap))
  return table.toString()
}

/** The same for docs/hostile.md. */
export function renderMarkdown(outcomes: readonly Outcome[]): string {
  const lines = [HEAD, HEAD.map(() => '---'), ...outcomes.map(row)]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** One line, as soon as an attacker is done. */
export function renderVerdict(outcome: Outcome): string {
  const complaints = [...findHarm(outcome), ...findDelay(outcome)]
  return `${outcome.attacker.name}: ${complaints.length === 0 ? 'borne' : complaints.join('; ')}`
}

function row(outcome: Outcome): string[] {
  const { attacker, counts, samples, bystanders } = outcome
  const figures = figuresOf(outcome)
  const complaints = [...findHarm(outcome), ...findDelay(outcome)]
  return [
    attacker.name,
    mib(counts.sentBytes),
    answersOf(counts.answers),
    `${Math.round(figures.liveMaxMs)} ms`,
    `${whole(figures.acceptedP50Ms)} / ${whole(figures.acceptedP99Ms)}`,
    `${Math.round(figures.heapMiB)} / ${Math.round(samples.rssBytes / 1_048_576)}`,
    whole(samples.loopDelayMs),
    String(samples.files),
    figures.databaseRatio.toFixed(1),
    figures.answerRatio.toFixed(1),
    String(bystanders.lost),
    complaints.length === 0 ? 'borne' : complaints.join('; '),
  ]
}

function answersOf(answers: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(answers).sort(([, a], [, b]) => b - a)
  const most = sorted.slice(0, MOST_ANSWERS).map(([name, count]) => `${name} × ${count.toLocaleString('en')}`)
  return most.join(', ')
}

function whole(value: number): string {
  return Number.isNaN(value) ? '–' : Math.round(value).toLocaleString('en')
}

/** Breaks a text into lines at its blanks. */
function wrap(text: string): string {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + word.length >= WIDE) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}
