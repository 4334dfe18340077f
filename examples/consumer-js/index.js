// Rebuilds the table of actors from `tension.actors` alone: the newest row of each actor, committed records only.
//
//   node index.js --bootstrap 127.0.0.1:9092 [--prefix tensionwire] [--once] [--format json|table] [--schemas DIR]
//
// --once    end at the end that the topic has now, and print {actor: row}, or a table; else print each change as a line
// Exit: 0 ok, 1 no broker or no topic, 2 usage, 3 a message that breaks the contract in schemas/

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs

class ContractError extends Error {}

const options = readOptions()
const topic = `${options.prefix}.tension.actors.v1`
const validate = loadSchema(new URL('tension.actors.v1.json', options.schemas))
const rows = new Map()

main().catch((error) => {
  process.stderr.write(`consumer-js: ${error.message}\n`)
  process.exit(error instanceof ContractError ? 3 : 1)
})

async function main() {
  const kafka = new Kafka({
    clientId: 'tensionwire-consumer-js',
    brokers: options.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  })
  const admin = kafka.admin()
  await admin.connect().catch((error) => {
    throw new Error(`${error.message}; is --bootstrap right and the broker up?`)
  })
  // KafkaJS reads only as a member of a group. This one is new each time and commits nothing: it always starts anew.
  const groupId = `${options.prefix}-consumer-js-${randomUUID()}`
  const consumer = kafka.consumer({ groupId, readUncommitted: false })
  try {
    await readTable(consumer, await endsOf(admin))
  } finally {
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => {})
    await admin.disconnect()
  }
  if (options.once) print()
}

// Partition -> offset that follows its last record now; partitions without records are left out.
async function endsOf(admin) {
  const partitions = await admin.fetchTopicOffsets(topic).catch((error) => {
    throw new Error(`${topic}: ${error.message}; is --prefix right, and has 'tensionwire topics init' run?`)
  })
  return new Map(partitions.filter((p) => p.high !== p.low).map((p) => [p.partition, BigInt(p.high)]))
}

async function readTable(consumer, ends) {
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise((resolve, reject) => {
    // The end of a partition may be the marker of a transaction, or aborted records, which `eachBatch` never sees.
    // This event counts them too.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (BigInt(payload.lastOffset) + 1n >= (ends.get(payload.partition) ?? 0n)) ends.delete(payload.partition)
      if (options.once && ends.size === 0) resolve()
    })
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve)
    if (options.once && ends.size === 0) resolve()
    consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => takeBatch(batch, reject) }).catch(reject)
  })
}

function takeBatch(batch, reject) {
  try {
    for (const message of batch.messages) take(message, `${topic}[${batch.partition}]@${message.offset}`)
  } catch (error) {
    reject(error)
    throw error
  }
}

// Within a partition, and so for one actor, the later record holds. No value is a tombstone: the actor has left.
function take(message, place) {
  const actor = message.key.toString('utf8')
  if (message.value === null) {
    rows.delete(actor)
    report({ actor, row: null })
    return
  }
  const row = parse(message.value, place)
  if (!validate(row)) throw new ContractError(`${place}: ${validate.errors[0].instancePath} ${validate.errors[0].message}`)
  if (row.actor !== actor) throw new ContractError(`${place}: key ${actor}, but actor ${row.actor}`)
  rows.set(actor, row)
  report({ actor, row })
}

function parse(value, place) {
  try {
    return JSON.parse(value.toString('utf8'))
  } catch (error) {
    throw new ContractError(`${place}: ${error.message}`)
  }
}

function report(change) {
  if (!options.once) process.stdout.write(`${JSON.stringify(change)}\n`)
}

function print() {
  if (options.format === 'json') {
    process.stdout.write(`${JSON.stringify(Object.fromEntries([...rows].sort()))}\n`)
    return
  }
  const sorted = [...rows.values()].sort((a, b) => b.tension - a.tension)
  console.table(sorted.map((row) => ({ actor: row.actor, name: row.name, tension: row.tension, as_of: row.as_of })))
}

function loadSchema(file) {
  // Not strict: the schemas tell more than JSON Schema knows, under names that start with `x-`.
  const ajv = new Ajv2020({ strict: false })
  addFormats(ajv)
  return ajv.compile(JSON.parse(readFileSync(file, 'utf8')))
}

function readOptions() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: { bootstrap: text, prefix: text, format: text, schemas: text, once: { type: 'boolean' } },
    })
    const { bootstrap, prefix = 'tensionwire', format = 'json', once = false } = values
    if (!bootstrap || !['json', 'table'].includes(format)) throw new Error('give --bootstrap HOST:PORT; --format json|table')
    const schemas = values.schemas ? pathToFileURL(`${resolvePath(values.schemas)}/`) : new URL('../../schemas/', import.meta.url)
    return { bootstrap, prefix, format, once, schemas }
  } catch (error) {
    process.stderr.write(`consumer-js: ${error.message}\n`)
    return process.exit(2)
  }
}
