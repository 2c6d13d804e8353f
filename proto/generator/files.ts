import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { generateBinary } from './binary.ts'
import { generateJson } from './json.ts'
import { makeModels } from './model.ts'
import type { Choices } from './model.ts'

/** What stands in frames.ts other than in the schema. */
const frames: Choices = {
  types: { Address: 'WireAddress', Envelope: 'WireEnvelope', ErrorDetails: "NonNullable<ErrorFrame['details']>" },
  memberSuffix: 'Frame',
  names: { 'Connect.client_version': 'client' },
  values: ['Destination'],
  uuids: [],
  limits: { 'Send.copies': 'MAX_COPIES', 'Send.about': 'MAX_ABOUT', 'Watch.users': 'MAX_WATCHED' },
}

/** What stands in content.ts other than in the schema. */
const content: Choices = {
  types: {},
  memberSuffix: 'Body',
  names: {},
  values: [],
  uuids: ['Content.id', 'MessageReference.id'],
  limits: {},
}

/** The generated files, name → code, from the compiled schemas (a serialized google.protobuf.FileDescriptorSet). */
export function generateFiles(image: Uint8Array): Map<string, string> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image))
  function models(file: string, choices: Choices) {
    const description = registry.getFile(file)
    if (description === undefined) throw new Error(`buf did not find ${file}`)
    // The codec reads batches itself, to bound them and to number their frames in errors.
    const messages = description.messages.filter(({ name }) => !name.endsWith('Batch'))
    return makeModels(messages, choices)
  }
  const frameModels = models('parley.proto', frames)
  return new Map([
    ['frames.gen.ts', generateBinary(frameModels, 'parley.proto', './frames.ts')],
    ['frames-json.gen.ts', generateJson(frameModels, 'parley.proto', './frames.ts')],
    ['content.gen.ts', generateBinary(models('content.proto', content), 'content.proto', './content.ts')],
  ])
}
