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
  scope,
  typeNames,
  valueType,
  zero,
} from './code.ts'
import type { Field, Message } from './model.ts'

/** Code that reads and writes the binary encoding of messages, straight from and to their types in `types`. */
export function generateBinary(models: readonly Message[], source: string, types: string): string {
  const code = models.flatMap((model) => ['', ...read(model), '', ...write(model)]).join('\n')
  const candidates = new Map([
    [types, typeNames(models)],
    ['./limits.ts', limitNames(models)],
    ['./reader.ts', ['Reader']],
    ['./writer.ts', ['Writer']],
  ])
  const noBytes = code.includes('NO_BYTES') ? '\nconst NO_BYTES = new Uint8Array(0)\n' : ''
  return `${preamble(code, source, candidates)}${noBytes}${code}\n`
}

function read(model: Message): string[] {
  const type = model.cases.length > 1 ? `, type: ${caseType(model)}` : ''
  const head = `${keyword(model)} read${model.name}(r: Reader, end: number${type}): ${messageType(model)}`
  return block(head, model.shape === 'union' ? readUnion(model) : readFields(model))
}

/** Exactly one field. One that is not known becomes the member `unknown`. */
function readUnion(model: Message): string[] {
  return [
    `if (r.pos === end) r.fail('${model.name} is empty')`,
    'const tag = r.tag()',
    `let m: ${model.type}`,
    ...block('switch (tag)', [
      ...model.fields.flatMap((field) => [
        `case ${field.tag}:`,
        field.message === undefined
          ? `  m = { type: '${field.name}', ${field.name}: ${readValue(field)} }`
          : `  m = ${readValue(field)}`,
        '  break',
      ]),
      'default:',
      '  r.skip(tag)',
      "  m = { type: 'unknown', name: String(tag >>> 3) }",
    ]),
    'r.finish(end)',
    'return m',
  ]
}

function readFields(model: Message): string[] {
  const missing = (field: Field) =>
    field.list
      ? `${field.name} ?? []`
      : zero(field) === undefined
        ? `${field.name} ?? ${readValue(field, 'r.pos')}`
        : field.name
  const [only] = model.fields
  return [
    ...model.fields.map((field) => {
      if (field.list) return `let ${field.name}: ${arrayType(field)} | undefined`
      const start = field.optional ? undefined : zero(field)
      if (start === undefined) return `let ${field.name}: ${valueType(field)} | undefined`
      return `let ${field.name}: ${valueType(field)} = ${start}`
    }),
    ...block('while (r.pos < end)', [
      'const tag = r.tag()',
      ...(only === undefined
        ? ['r.skip(tag)']
        : block('switch (tag)', [...model.fields.flatMap(readCase), 'default:', '  r.skip(tag)'])),
    ]),
    'r.finish(end)',
    model.shape === 'value' && only !== undefined ? `return ${missing(only)}` : `return ${objectOf(model, missing)}`,
  ]
}

function readCase(field: Field): string[] {
  const { name, tag, list } = field
  if (!list) return [`case ${tag}:`, `  ${name} = ${readValue(field)}`, '  break']
  const push =
    field.limit === undefined ? `${name}.push(value)` : `if (${name}.length <= ${field.limit}) ${name}.push(value)`
  const one = [`const value = ${readValue(field)}`, `${name} ??= []`, push]
  if (!isPacked(field)) return block(`case ${tag}:`, [...one, 'break'])
  const all = ['const last = r.end()', ...block('while (r.pos < last)', one), 'r.finish(last)']
  const unpackedTag = tag & ~7
  return [...block(`case ${tag}:`, [...all, 'break']), ...block(`case ${unpackedTag}:`, [...one, 'break'])]
}

function readValue(field: Field, end = 'r.end()'): string {
  switch (field.type) {
    case 'message': {
      const { message } = field
      const type = message !== undefined && message.cases.length > 1 ? `, '${field.name}'` : ''
      return `read${message?.name}(r, ${end}${type})`
    }
    case 'enum':
      // A value of a later version stays a number.
      return `r.uint32() as ${field.enum?.type}`
    default:
      return `r.${field.type}()`
  }
}

function arrayType(field: Field): string {
  return `${valueType(field)}[]`
}

/** Lists of numbers are written packed, and read either way. */
function isPacked(field: Field): boolean {
  return field.list && !['string', 'bytes', 'uuid', 'message'].includes(field.type)
}

function write(model: Message): string[] {
  // Parameters that are not used are called so.
  const prefix = model.fields.length === 0 ? '_' : ''
  const head = `${keyword(model)} write${model.name}(${prefix}w: Writer, ${prefix}m: ${messageType(model)}): void`
  if (model.shape === 'union') return block(head, writeUnion(model))
  // Last to first, as the writer demands.
  const fields = model.fields.toSorted((a, b) => b.tag - a.tag)
  return block(
    head,
    fields.flatMap((field) => writeField(model, field)),
  )
}

function writeUnion(model: Message): string[] {
  return block('switch (m.type)', [
    ...model.fields.flatMap((field) =>
      field.message === undefined
        ? [`case '${field.name}':`, `  ${writeValue(field, `m.${field.name}`)}`, '  break']
        : block(`case '${field.name}':`, [...writeMessage(field, 'm'), 'break']),
    ),
    "case 'unknown':",
    `  throw new TypeError('An unknown ${model.name} cannot be encoded')`,
    'default:',
    '  m satisfies never',
  ])
}

function writeField(model: Message, field: Field): string[] {
  const value = access(model, field)
  if (isPacked(field)) {
    return block(`if (${value}.length !== 0)`, [
      'const size = w.size',
      `for (let i = ${value}.length - 1; i >= 0; i--) w.packed(${value}[i]!)`,
      `w.message(${field.tag}, size)`,
    ])
  }
  if (field.list) {
    const each = field.type === 'message' ? writeMessage(field, `${value}[i]!`) : [writeValue(field, `${value}[i]!`)]
    return block(`for (let i = ${value}.length - 1; i >= 0; i--)`, each)
  }
  const code = field.type === 'message' ? writeMessage(field, value) : [writeValue(field, value)]
  const test = condition(field, value)
  if (test === undefined) return scope(code)
  return code.length === 1 ? [`if (${test}) ${code[0]}`] : block(`if (${test})`, code)
}

function writeMessage(field: Field, value: string): string[] {
  return ['const size = w.size', `write${field.message?.name}(w, ${value})`, `w.message(${field.tag}, size)`]
}

function writeValue(field: Field, value: string): string {
  switch (field.type) {
    case 'bool':
      return `w.bool(${field.tag}, ${value})`
    case 'uint32':
    case 'uint64':
    case 'enum':
      return `w.uint(${field.tag}, ${value})`
    default:
      return `w.${field.type}(${field.tag}, ${value})`
  }
}
