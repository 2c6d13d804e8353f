import type { Field, Message } from './model.ts'

/** Pieces that the generators of both encodings share. */

/** What a generated file begins with: it imports of `candidates` (file → names) what the code uses. */
export function preamble(code: string, source: string, candidates: ReadonlyMap<string, readonly string[]>): string {
  const imports = [...candidates].flatMap(([file, names]) => {
    const used = [...new Set(names)].filter((name) => new RegExp(`\\b${name}\\b`).test(code)).toSorted()
    if (used.length === 0) return []
    // Types are all that is imported from a file of types, and begin with a capital; constants are all capitals.
    const keyword = used.every((name) => /^[A-Z][a-z]/.test(name)) ? 'import type' : 'import'
    return `${keyword} {\n${used.map((name) => `  ${name},\n`).join('')}} from '${file}'\n`
  })
  return `// Made from ${source} by \`npm run proto\`. Do not edit.\n${imports.join('')}`
}

/** The TypeScript types that the code of these messages may name. */
export function typeNames(models: readonly Message[]): string[] {
  const types = models.flatMap((model) => [model.type, ...model.fields.map(valueType)])
  return types
    .flatMap((type) => type.match(/\b[A-Z]\w*/g) ?? [])
    .filter((name) => !/^(Uint8Array|NonNullable)$/.test(name))
}

export function limitNames(models: readonly Message[]): string[] {
  return models.flatMap(({ fields }) => fields.flatMap(({ limit }) => limit ?? []))
}

/** The TypeScript type of a message. */
export function messageType(model: Message): string {
  const [only] = model.fields
  return model.shape === 'value' && only !== undefined ? valueType(only) : model.type
}

/** The TypeScript type of one value of a field. */
export function valueType(field: Field): string {
  switch (field.type) {
    case 'message':
      return field.message === undefined ? 'never' : messageType(field.message)
    case 'enum':
      return field.enum?.type ?? 'never'
    case 'string':
    case 'uuid':
      return 'string'
    case 'bytes':
      return 'Uint8Array'
    case 'bool':
      return 'boolean'
    case 'fixed64':
      return 'bigint'
    default:
      return 'number'
  }
}

/** The value that is left out; undefined for messages, which are always written when they are there. */
export function zero(field: Field): string | undefined {
  switch (field.type) {
    case 'message':
      return undefined
    case 'string':
    case 'uuid':
      return "''"
    case 'bytes':
      return 'NO_BYTES'
    case 'bool':
      return 'false'
    case 'fixed64':
      return '0n'
    default:
      return '0'
  }
}

/** The condition under which a value is written; undefined: always. */
export function condition(field: Field, value: string): string | undefined {
  if (field.optional) return `${value} !== undefined`
  switch (field.type) {
    case 'message':
      return undefined
    case 'bytes':
      return `${value}.length !== 0`
    case 'bool':
      return value
    case 'double':
      // -0 is a value of its own.
      return `!Object.is(${value}, 0)`
    default:
      return `${value} !== ${zero(field)}`
  }
}

/** The functions of a message that no other one holds are what the generated file offers. */
export function keyword(model: Message): string {
  return model.root ? 'export function' : 'function'
}

/** `'send'`, or `'watch' | 'unwatch'`. */
export function caseType(model: Message): string {
  return model.cases.map((name) => `'${name}'`).join(' | ')
}

/** Where the code of a message finds a field of its value `m`. */
export function access(model: Message, field: Field): string {
  return model.shape === 'value' ? 'm' : `m.${field.name}`
}

/** The object that a message becomes: its `type` if a union holds it, its fields, the optional ones only if they are there. */
export function objectOf(model: Message, value: (field: Field) => string): string {
  const [name] = model.cases
  const type = name === undefined ? [] : [model.cases.length === 1 ? `type: '${name}'` : 'type']
  const fields = model.fields.map((field) => {
    if (field.optional) return `...(${field.name} !== undefined && { ${field.name} })`
    const text = value(field)
    return text === field.name ? text : `${field.name}: ${text}`
  })
  return `{ ${[...type, ...fields].join(', ')} }`
}

export function block(head: string, body: readonly string[]): string[] {
  const [open, ...rest] = scope(body)
  return [`${head} ${open}`, ...rest]
}

export function scope(body: readonly string[]): string[] {
  return ['{', ...body.map((line) => `  ${line}`), '}']
}
