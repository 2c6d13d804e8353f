import test from 'ava'
import { addressPrefix, isLoopback } from '../../src/shared/address-prefix.ts'

test('limits count a whole IPv4 address, however it is written', (t) => {
  t.is(addressPrefix('192.0.2.7'), '192.0.2.7')
  t.is(addressPrefix('::ffff:192.0.2.7'), '192.0.2.7')
  t.is(addressPrefix('::ffff:c000:207'), '192.0.2.7')
  t.is(addressPrefix('0:0:0:0:0:ffff:c000:0207'), '192.0.2.7')
})

test('limits count the first 64 bits of an IPv6 address, however it is written', (t) => {
  for (const address of ['2001:db8:1:2::1', '2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2:3::192.0.2.7']) {
    t.is(addressPrefix(address), '2001:db8:1:2::/64', address)
  }
  t.is(addressPrefix('2001:db8:1:3::1'), '2001:db8:1:3::/64')
  t.is(addressPrefix('::1'), '0:0:0:0::/64')
  t.is(addressPrefix('fe80::1%eth0'), 'fe80:0:0:0::/64')
})

test('what is no address is its own prefix', (t) => {
  t.is(addressPrefix(''), '')
  t.is(addressPrefix('somebody'), 'somebody')
})

test('the own machine is known under all its names', (t) => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    t.true(isLoopback(address), address)
  }
  for (const address of ['128.0.0.1', '10.0.0.1', '::', '::2', '1::1', '::ffff:10.0.0.1', '']) {
    t.false(isLoopback(address), address)
  }
})
