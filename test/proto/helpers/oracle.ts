import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { createFileRegistry, fromBinary, fromJsonString, toBinary, toJson } from '@bufbuild/protobuf'
import type { JsonValue } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

const root = join(import.meta.dirname, '../../..')

/** protobuf-es, working from what buf makes of the .proto files: it shares no code with the codec. */
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, execFileSync(join(root, 'node_modules/.bin/buf'), ['build', 'proto', '-o', '-'], { cwd: root })),
)

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
