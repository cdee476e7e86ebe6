// ccxt.mjs [SUBJECT...]: every call of the futures interface through ccxt, each checked by its values. Exit code 0: all
// are right, and (without subjects) none of the interface was left out. Environment: PAPER_PORT, PAPER_KEY,
// PAPER_SECRET, PAPER_FAULT_PORT, PAPER_FAULT_TOKEN; CONFORMANCE_ALTER (client.mjs), CONFORMANCE_SLOWDOWN (checks.mjs).
import { failed, passed } from './checks.mjs';
import { asked, connect, subscribed } from './client.mjs';
import { endpoints, streams } from './interface.mjs';

const subjects =
  process.argv.length > 2 ? process.argv.slice(2) : ['market', 'orders', 'conditional', 'account', 'streams', 'user'];
const exchange = await connect();
for (const subject of subjects) {
  const { default: run } = await import(`./${subject}.mjs`);
  await run(exchange, 'BTC/USDT:USDT');
}
await exchange.close();
const left =
  process.argv.length > 2
    ? []
    : [...endpoints.filter((of) => !asked.has(of)), ...streams.filter((of) => !subscribed.has(of))];
for (const of of left) {
  console.log(`NOT CALLED ${of}`);
}
const counts = [`${passed.length} calls checked`, `${failed.length} wrong`, `${left.length} left out`];
console.log(`${counts.join(', ')}; ${asked.size} endpoints, ${subscribed.size} streams and events`);
process.exit(failed.length + left.length === 0 && passed.length > 0 ? 0 : 1);
