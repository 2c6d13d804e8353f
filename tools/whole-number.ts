import { InvalidArgumentError } from 'commander'

/** Reads an argument of a command line. @throws InvalidArgumentError when it is no whole number above 0 */
export function wholeNumber(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return number
}
