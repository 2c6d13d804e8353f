import { join } from 'node:path'
import { createFileRegistry, fromBinary, fromJsonString, toBinary, toJson } from '@bufbuild/protobuf'
import type { JsonValue } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { compileSchemas } from '../../../proto/generator/buf.ts'

/** protobuf-es, working from what buf makes of the .proto files: it shares no code with the codec. */
const schemas = compileSchemas(join(import.meta.dirname, '../../../proto'))
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, schemas))

/** What protobuf-es makes of a message of this type. */
export class Oracle {
  readonly #schema

  constructor(typeName: string) {
    const schema = registry.getMessage(typeName)
    if (schema === undefined) throw new Error(`No such message: ${typeName}`)
    this.#schema = schema
  }

  jsonToBinary(json: string): Uint8Array {
    return toBinary(this.#schema, fromJsonString(this.#schema, json))
  }

  binaryToJson(bytes: Uint8Array): JsonValue {
    return toJson(this.#schema, fromBinary(this.#schema, bytes))
  }
}
