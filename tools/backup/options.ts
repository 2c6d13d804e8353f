import { InvalidArgumentError } from 'commander'

export function wholeNumber(text: string): number {
  const number = Number(text)
  if (!/^\d{1,6}$/.test(text) || number < 1) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return number
}

export function time(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('It must be a time such as 2026-11-28T21:30:00Z.')
  }
  return date
}
