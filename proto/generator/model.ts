import { ScalarType } from '@bufbuild/protobuf'
import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf'

/** What the generated code needs to know of a schema, free of protobuf's own description of it. */

/** How a field is held in memory and read. Integers of 64 bits are safe numbers, of a fixed size bigints. */
type FieldType = 'string' | 'bytes' | 'uuid' | 'bool' | 'uint32' | 'uint64' | 'fixed64' | 'double' | 'enum' | 'message'

export interface Field {
  /** In memory. */
  readonly name: string
  /** In JSON: lowerCamelCase, and as the schema spells it. */
  readonly jsonName: string
  readonly protoName: string
  /** Field number << 3 | wire type; of a list of numbers: of the packed form. */
  readonly tag: number
  readonly type: FieldType
  readonly list: boolean
  /** It may be absent in memory. */
  readonly optional: boolean
  readonly message: Message | undefined
  readonly enum: Enum | undefined
  /** The constant of limits.ts that bounds the list; one entry more is kept. */
  readonly limit: string | undefined
}

export interface Message {
  readonly name: string
  /** Its TypeScript type. */
  readonly type: string
  readonly fields: readonly Field[]
  /**
   * `union`: it holds nothing but a oneof, and is its members' union in memory, told apart by `type`.
   * `value`: in memory it is its only field. `object`: the usual.
   */
  readonly shape: 'union' | 'value' | 'object'
  /** The names under which unions hold it. */
  readonly cases: readonly string[]
  /** No other message of the file holds it. */
  readonly root: boolean
}

export interface Enum {
  readonly name: string
  readonly type: string
  readonly values: readonly { readonly name: string; readonly number: number }[]
}

/** What the schema itself does not say. Keys are `Message` or `Message.field`, as the schema spells them. */
export interface Choices {
  /** TypeScript types of messages that are not called as in the schema. */
  readonly types: Readonly<Record<string, string>>
  /** The end of the names of the types of a union's members. */
  readonly memberSuffix: string
  /** Fields with another name in memory. */
  readonly names: Readonly<Record<string, string>>
  /** Messages that are their only field in memory. */
  readonly values: readonly string[]
  /** Bytes that are a UUID as text in memory. */
  readonly uuids: readonly string[]
  /** Constants of limits.ts that bound lists. */
  readonly limits: Readonly<Record<string, string>>
}

const scalarTypes = new Map<ScalarType, FieldType>([
  [ScalarType.STRING, 'string'],
  [ScalarType.BYTES, 'bytes'],
  [ScalarType.BOOL, 'bool'],
  [ScalarType.UINT32, 'uint32'],
  [ScalarType.UINT64, 'uint64'],
  [ScalarType.FIXED64, 'fixed64'],
  [ScalarType.DOUBLE, 'double'],
])

const lengthDelimited: ReadonlySet<FieldType> = new Set(['string', 'bytes', 'uuid', 'message'])

/** Turns messages into models, in their order. */
export function makeModels(descriptions: readonly DescMessage[], choices: Choices): Message[] {
  const models = new Map<DescMessage, Message>()
  const cases = findCases(descriptions)
  const held = new Set(descriptions.flatMap(({ fields }) => fields.map((field) => field.message)))

  function model(description: DescMessage): Message {
    const known = models.get(description)
    if (known !== undefined) return known
    const { name } = description
    const memberOf = cases.get(description) ?? []
    const union = isUnion(description)
    const made: Message = {
      name,
      type: choices.types[name] ?? (memberOf.length > 0 ? name + choices.memberSuffix : name),
      fields: description.fields.map((field) => makeField(name, field, choices, model)),
      shape: union ? 'union' : choices.values.includes(name) ? 'value' : 'object',
      cases: memberOf,
      root: !held.has(description),
    }
    models.set(description, made)
    return made
  }

  return descriptions.map(model)
}

function isUnion(description: DescMessage): boolean {
  return description.oneofs.length === 1 && description.fields.every((field) => field.oneof !== undefined)
}

function findCases(descriptions: readonly DescMessage[]): Map<DescMessage, string[]> {
  const cases = new Map<DescMessage, string[]>()
  for (const field of descriptions.filter(isUnion).flatMap((union) => union.fields)) {
    if (field.message !== undefined) cases.set(field.message, [...(cases.get(field.message) ?? []), field.jsonName])
  }
  return cases
}

function makeField(
  owner: string,
  field: DescField,
  choices: Choices,
  model: (description: DescMessage) => Message,
): Field {
  const path = `${owner}.${field.name}`
  const list = field.fieldKind === 'list'
  const type = choices.uuids.includes(path) ? 'uuid' : findType(field)
  if (type === undefined) throw new TypeError(`The generator does not know the type of ${path}`)
  const wireType = list || lengthDelimited.has(type) ? 2 : type === 'fixed64' || type === 'double' ? 1 : 0
  return {
    name: choices.names[path] ?? field.jsonName,
    jsonName: field.jsonName,
    protoName: field.name,
    tag: (field.number << 3) | wireType,
    type,
    list,
    optional: field.proto.proto3Optional,
    message: field.message === undefined ? undefined : model(field.message),
    enum: field.enum === undefined ? undefined : makeEnum(field.enum),
    limit: choices.limits[path],
  }
}

function findType(field: DescField): FieldType | undefined {
  if (field.message !== undefined) return 'message'
  if (field.enum !== undefined) return 'enum'
  return field.scalar === undefined ? undefined : scalarTypes.get(field.scalar)
}

function makeEnum({ name, values }: DescEnum): Enum {
  return { name, type: name, values: values.map((value) => ({ name: value.name, number: value.number })) }
}
