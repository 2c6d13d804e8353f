import { LRUCache } from 'lru-cache'

/**
 * Holds so many items, and forgets the one that was not asked for longest. It takes memory as it fills: bounded by `max`,
 * it would take the room of all its items at once, which is megabytes and milliseconds for each of a node's many.
 */
export function createLru<Key extends {}, Value extends {}>(maxItems: number): LRUCache<Key, Value> {
  return new LRUCache<Key, Value>({ maxSize: maxItems, sizeCalculation: () => 1 })
}
