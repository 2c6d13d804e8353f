/** Whether a text is meant as a number, be it one or not: it cannot be a name. '' does. */
export function looksLikeNumber(text: string): boolean {
  return /^[\p{Nd}\s+()./-]*$/u.test(text)
}

export function formatPhone(user: number): string {
  return `+${user}`
}
