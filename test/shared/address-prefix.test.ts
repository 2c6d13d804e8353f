import test from 'ava'
import { addressPrefix, addressPrefixes, isLoopback, widestPrefix } from '../../src/shared/address-prefix.ts'

test('an IPv4 address counts whole, also where it is written as an IPv6 one', (t) => {
  for (const address of ['203.0.113.7', '::ffff:203.0.113.7', '::ffff:cb00:7107', '0:0:0:0:0:ffff:203.0.113.7']) {
    t.deepEqual(addressPrefixes(address), ['203.0.113.7'], address)
  }
})

test('an IPv6 address counts by /64, /56 and /48, whichever way it is written', (t) => {
  const prefixes = ['2001:db8:7:1234::/64', '2001:db8:7:1200::/56', '2001:db8:7::/48']
  for (const address of ['2001:db8:7:1234::1', '2001:0DB8:0007:1234:5:6:7:8', '2001:db8:7:1234:5:6:1.2.3.4']) {
    t.deepEqual(addressPrefixes(address), prefixes, address)
    t.is(addressPrefix(address), prefixes[0]!)
    t.is(widestPrefix(address), prefixes[2]!)
  }
  t.deepEqual(addressPrefixes('::1'), ['0:0:0:0::/64', '0:0:0:0::/56', '0:0:0::/48'])
  t.deepEqual(addressPrefixes('fe80::1%eth0'), ['fe80:0:0:0::/64', 'fe80:0:0:0::/56', 'fe80:0:0::/48'])
})

test('what is no address is its own prefix', (t) => {
  t.deepEqual(addressPrefixes(''), [''])
})

test('the own machine is known under all its names', (t) => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    t.true(isLoopback(address), address)
  }
  for (const address of ['128.0.0.1', '10.0.0.1', '::', '::2', '1::1', '::ffff:10.0.0.1', '']) {
    t.false(isLoopback(address), address)
  }
})
