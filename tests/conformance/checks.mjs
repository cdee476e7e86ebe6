// A check is a call and what its values must be. A failed one is told, and the run goes on.
import assert from 'node:assert/strict';

const slowdown = Number(process.env.CONFORMANCE_SLOWDOWN ?? 1); // under a sanitizer
const longestMs = 15_000 * slowdown; // of one check
// Of a moment that two reads tell of; a negative control does not wait for long for what will not come.
const patienceMs = process.env.CONFORMANCE_ALTER === undefined ? 10_000 : 3_000;

export const passed = [];
export const failed = [];

export async function check(call, body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no value within ${longestMs} ms`)), longestMs);
  });
  try {
    await Promise.race([body(), late]);
    passed.push(call);
  } catch (error) {
    failed.push(call);
    console.log(`FAILED ${call}: ${error.stack}`);
  } finally {
    clearTimeout(timer);
  }
}

// Eight decimals, as the exchange counts. What ccxt tells as a number is exact in it as long as it is below 9e7.
export function units(value) {
  assert.ok(value !== undefined && value !== null && Number.isFinite(Number(value)), `${value} is no number`);
  return BigInt(Math.round(Number(value) * 1e8));
}

export function same(actual, expected, what) {
  assert.equal(units(actual), units(expected), what);
}

// a * b of exact decimals, rounded half even to eight decimals.
export function times(a, b) {
  const product = units(a) * units(b);
  const one = 100_000_000n;
  const magnitude = product < 0n ? -product : product;
  const twice = 2n * (magnitude % one);
  let rounded = magnitude / one;
  if (twice > one || (twice === one && rounded % 2n === 1n)) {
    rounded += 1n;
  }
  return product < 0n ? -rounded : rounded;
}

export function sum(values) {
  return values.reduce((total, value) => total + units(value), 0n);
}

// The market moves between two reads: tries until both tell of the same moment. The last complaint is thrown.
export async function agree(body, withinMs = patienceMs) {
  const until = Date.now() + withinMs * slowdown;
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (Date.now() > until || error.code !== 'ERR_ASSERTION') {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

// Refused with this code of Binance's.
export async function refused(code, call) {
  await assert.rejects(call, (error) => {
    assert.ok(error.message.includes(`"code":${code},`), `expected ${code}: ${error.message}`);
    return true;
  });
}
