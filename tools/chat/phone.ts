/** A user from how people write phone numbers: "+1 (555) 000-0001", "15550000001"; undefined when it is none. */
export function parsePhone(text: string): number | undefined {
  const digits = text.replaceAll(/[\s().-]/g, '').replace(/^(\+|00)/, '')
  return /^[1-9]\d{6,14}$/.test(digits) ? Number(digits) : undefined
}

export function formatPhone(user: number): string {
  return `+${user}`
}
