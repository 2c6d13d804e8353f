/** The part of JSON Schema that the description of the API uses. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly minProperties?: number
  readonly additionalProperties?: boolean | JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly examples?: readonly unknown[]
  readonly format?: string
  readonly contentMediaType?: string
}

/** Whether a value is as the schema says: what a client that knows the description alone would think. */
export function isValid(schema: JsonSchema, value: unknown): boolean {
  const { anyOf, oneOf, allOf } = schema
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(type, value))) return false
  if ('const' in schema && value !== schema.const) return false
  if (schema.enum !== undefined && !schema.enum.includes(value)) return false
  if (anyOf !== undefined && !anyOf.some((one) => isValid(one, value))) return false
  if (oneOf !== undefined && oneOf.filter((one) => isValid(one, value)).length !== 1) return false
  if (allOf !== undefined && !allOf.every((one) => isValid(one, value))) return false
  if (typeof value === 'string') return isValidString(schema, value)
  if (typeof value === 'number') return isWithin(value, schema.minimum, schema.maximum)
  if (Array.isArray(value)) {
    const { items = {} } = schema
    return isWithin(value.length, schema.minItems, schema.maxItems) && value.every((item) => isValid(items, item))
  }
  return typeof value !== 'object' || value === null || isValidObject(schema, value as Record<string, unknown>)
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'null':
      return value === null
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    default:
      return typeof value === type
  }
}

function isValidString({ pattern, minLength, maxLength }: JsonSchema, value: string): boolean {
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return false
  return isWithin([...value].length, minLength, maxLength)
}

function isValidObject(schema: JsonSchema, value: Readonly<Record<string, unknown>>): boolean {
  const { properties = {}, required = [], additionalProperties = true, minProperties } = schema
  const names = Object.keys(value)
  return (
    required.every((name) => Object.hasOwn(value, name)) &&
    isWithin(names.length, minProperties, undefined) &&
    names.every((name) => {
      if (Object.hasOwn(properties, name)) return isValid(properties[name]!, value[name])
      return typeof additionalProperties === 'boolean'
        ? additionalProperties
        : isValid(additionalProperties, value[name])
    })
  )
}

function isWithin(value: number, least = -Infinity, most = Infinity): boolean {
  return value >= least && value <= most
}
