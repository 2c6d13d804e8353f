import {
  access,
  block,
  caseType,
  condition,
  keyword,
  limitNames,
  messageType,
  objectOf,
  preamble,
  typeNames,
} from './code.ts'
import type { Enum, Field, Message } from './model.ts'

/** What json.ts offers. */
const HELPERS = [
  'readArray',
  'readBigint',
  'readBool',
  'readBytes',
  'readEnum',
  'readMember',
  'readObject',
  'readString',
  'readUint32',
  'readUint64',
  'writeBytes',
  'writeEnum',
]

/** The helper that reads a type. */
const reads: Readonly<Record<string, string>> = {
  string: 'readString',
  bytes: 'readBytes',
  bool: 'readBool',
  uint32: 'readUint32',
  uint64: 'readUint64',
  fixed64: 'readBigint',
}

/** Code that reads and writes the proto3 JSON mapping of messages, straight from and to their types in `types`. */
export function generateJson(models: readonly Message[], source: string, types: string): string {
  const enums = new Map<string, Enum>()
  for (const field of models.flatMap(({ fields }) => fields)) {
    if (field.enum !== undefined) enums.set(field.enum.name, field.enum)
  }
  const code = [
    ...[...enums.values()].flatMap(enumNames),
    ...models.flatMap((model) => ['', ...read(model), '', ...write(model)]),
  ].join('\n')
  const candidates = new Map([
    [types, typeNames(models)],
    ['./json.ts', HELPERS],
    ['./limits.ts', limitNames(models)],
  ])
  return `${preamble(code, source, candidates)}\n${code}\n`
}

function enumNames(model: Enum): string[] {
  const pairs = model.values.map((value) => `  ['${value.name}', ${value.number}],`)
  return [`const ${constant(model)}: ReadonlyMap<string, ${model.type}> = new Map([`, ...pairs, '])']
}

function constant(model: Enum): string {
  return `${model.name.toUpperCase()}S`
}

function read(model: Message): string[] {
  const type = model.cases.length > 1 ? `, type: ${caseType(model)}` : ''
  const head = `${keyword(model)} read${model.name}(json: unknown, at: string${type}): ${messageType(model)}`
  return block(head, model.shape === 'union' ? readUnion(model) : readFields(model))
}

function readUnion(model: Message): string[] {
  return [
    'const [name, value] = readMember(json, at)',
    ...block('switch (name)', [
      ...model.fields.flatMap((field) => [
        `case '${field.jsonName}':`,
        ...(field.jsonName === field.protoName ? [] : [`case '${field.protoName}':`]),
        `  return ${readValue(field, 'value', `\`\${at}.${field.jsonName}\``)}`,
      ]),
      'default:',
      "  return { type: 'unknown', name }",
    ]),
  ]
}

function readFields(model: Message): string[] {
  const [only] = model.fields
  if (only === undefined) return ['readObject(json, at)', `return ${objectOf(model, () => '')}`]
  const optional = model.fields.filter((field) => field.optional)
  return [
    'const o = readObject(json, at)',
    ...optional.map((field) => `const ${field.name} = ${input(field)} == null ? undefined : ${readField(field)}`),
    `return ${model.shape === 'value' ? readField(only) : objectOf(model, readField)}`,
  ]
}

/** The value of a field: under its JSON name or, as the mapping demands of readers, its name in the schema. */
function input(field: Field): string {
  if (field.jsonName === field.protoName) return `o['${field.jsonName}']`
  return `(o['${field.jsonName}'] ?? o['${field.protoName}'])`
}

function readField(field: Field): string {
  const at = `\`\${at}.${field.jsonName}\``
  if (!field.list) return readValue(field, input(field), at)
  const limit = field.limit === undefined ? '' : `, ${field.limit} + 1`
  return `readArray(${input(field)}, ${at}, (value, at) => ${readValue(field, 'value', 'at')}${limit})`
}

function readValue(field: Field, value: string, at: string): string {
  if (field.message !== undefined) {
    const type = field.message.cases.length > 1 ? `, '${field.name}'` : ''
    return `read${field.message.name}(${value}, ${at}${type})`
  }
  if (field.enum !== undefined) return `readEnum(${value}, ${at}, ${constant(field.enum)})`
  const helper = reads[field.type]
  if (helper === undefined) throw new TypeError(`json.ts does not read ${field.type}`)
  return `${helper}(${value}, ${at})`
}

function write(model: Message): string[] {
  const head = (name: string) =>
    `${keyword(model)} write${model.name}(${name}: ${messageType(model)}): Record<string, unknown>`
  if (model.fields.length === 0) return block(head('_m'), ['return {}'])
  if (model.shape === 'union') {
    return block(
      head('m'),
      block('switch (m.type)', [
        ...model.fields.flatMap((field) => [
          `case '${field.name}':`,
          `  return { ${field.jsonName}: ${writeValue(field, 'm')} }`,
        ]),
        "case 'unknown':",
        `  throw new TypeError('An unknown ${model.name} cannot be encoded')`,
        'default:',
        '  return m satisfies never',
      ]),
    )
  }
  return block(head('m'), [
    'const o: Record<string, unknown> = {}',
    ...model.fields.map((field) => writeField(model, field)),
    'return o',
  ])
}

function writeField(model: Message, field: Field): string {
  const value = access(model, field)
  const target = `o['${field.jsonName}']`
  if (field.list) {
    const plain = writeValue(field, 'value') === 'value'
    const list = plain ? value : `${value}.map((value) => ${writeValue(field, 'value')})`
    return `if (${value}.length !== 0) ${target} = ${list}`
  }
  const test = condition(field, value)
  const assignment = `${target} = ${writeValue(field, value)}`
  return test === undefined ? assignment : `if (${test}) ${assignment}`
}

function writeValue(field: Field, value: string): string {
  switch (field.type) {
    case 'message':
      return `write${field.message?.name}(${value})`
    case 'enum':
      return field.enum === undefined ? value : `writeEnum(${value}, ${constant(field.enum)})`
    case 'bytes':
      return `writeBytes(${value})`
    case 'uint64':
    case 'fixed64':
      return `String(${value})`
    default:
      return value
  }
}
