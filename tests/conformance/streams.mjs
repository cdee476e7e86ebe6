// Market streams, side by side: each against what REST tells of the same moment.
import assert from 'node:assert/strict';
import { agree, check } from './checks.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Hands everything that is watched to `take` until stopped; what went wrong is thrown by stop().
function follow(watch, take) {
  let following = true;
  let wrong;
  (async () => {
    try {
      while (following) {
        take(await watch());
      }
    } catch (error) {
      wrong = following ? error : undefined;
    }
  })();
  return () => {
    following = false;
    if (wrong !== undefined) {
      throw wrong;
    }
  };
}

// At least `least` trades without a gap, and each as REST tells it.
async function trades(exchange, symbol, parameters, method, least) {
  const seen = new Map();
  const stop = follow(
    () => exchange.watchTrades(symbol, undefined, undefined, parameters),
    (all) => {
      all.filter((trade) => trade.info.e === parameters.name).forEach((trade) => seen.set(Number(trade.id), trade));
    },
  );
  await agree(async () => assert.ok(seen.size >= least));
  stop();
  const told = new Map(
    (await exchange.fetchTrades(symbol, undefined, 1000, { fetchTradesMethod: method })).map((trade) => [
      Number(trade.id),
      trade,
    ]),
  );
  const first = Math.min(...seen.keys());
  for (let id = first; id < first + least; ++id) {
    const [streamed, read] = [seen.get(id), told.get(id)];
    assert.ok(streamed && read, `trade ${id}`);
    assert.deepEqual(
      [streamed.price, streamed.amount, streamed.side, streamed.timestamp],
      [read.price, read.amount, read.side, read.timestamp],
    );
  }
}

export default async function streams(exchange, symbol) {
  const tickerSays = async (ticker, full) => {
    const read = await exchange.fetchTicker(symbol);
    const names = [
      'open',
      'high',
      'low',
      'last',
      'baseVolume',
      'quoteVolume',
      ...(full ? ['change', 'percentage', 'vwap'] : []),
    ];
    names.forEach((name) => assert.equal(ticker[name], read[name], name));
  };
  const bestSays = async (best) => {
    assert.ok(best, `a quote of ${symbol}`);
    const read = (await exchange.fetchBidsAsks([symbol]))[symbol];
    ['bid', 'bidVolume', 'ask', 'askVolume'].forEach((name) => assert.equal(best[name], read[name], name));
  };

  await Promise.all([
    check('watchTrades', () => trades(exchange, symbol, { name: 'trade' }, 'fapiPublicGetTrades', 50)),
    check('watchTrades aggregated', () =>
      trades(exchange, 'ETH/USDT:USDT', { name: 'aggTrade' }, 'fapiPublicGetAggTrades', 10),
    ),
    check('watchBidsAsks', () => agree(async () => bestSays((await exchange.watchBidsAsks([symbol]))[symbol]))),
    check('watchBidsAsks of all', () => agree(async () => bestSays((await exchange.watchBidsAsks())[symbol]))),
    check('watchTicker', () => agree(async () => tickerSays(await exchange.watchTicker(symbol), false))),
    check('watchTicker full', () =>
      agree(async () => tickerSays(await exchange.watchTicker(symbol, { name: 'ticker' }), true)),
    ),
    check('watchTickers', () => agree(async () => tickerSays((await exchange.watchTickers())[symbol], false))),
    check('watchTickers full', () =>
      agree(async () => tickerSays((await exchange.watchTickers(undefined, { name: 'ticker' }))[symbol], true)),
    ),

    check('watchOrderBook', async () => {
      const top = (book) =>
        [book.bids, book.asks].map((side) =>
          Array.from(side)
            .slice(0, 20)
            .map(([price, amount]) => [price, amount]),
        );
      const streamed = new Map();
      const stop = follow(
        () => exchange.watchOrderBook(symbol),
        (book) => streamed.set(book.nonce, top(book)),
      );
      const read = [];
      while (read.length < 60) {
        read.push(await exchange.fetchOrderBook(symbol, 20));
        await pause(50);
      }
      await pause(300);
      stop();
      const common = read.filter((book) => streamed.has(book.nonce));
      assert.ok(common.length >= 10, `${common.length} moments that both tell of`);
      common.forEach((book) => assert.deepEqual(streamed.get(book.nonce), top(book)));
    }),

    ...['1m', '3m', '1h', '1d'].map((interval) =>
      check(`watchOHLCV ${interval}`, () =>
        agree(async () => {
          const candle = [...(await exchange.watchOHLCV(symbol, interval)).at(-1)];
          assert.deepEqual(candle, (await exchange.fetchOHLCV(symbol, interval, candle[0], 1))[0]);
        }),
      ),
    ),
    check('watchMarkPrice', async () => {
      // It changes five times a second, so that a read may miss one that was streamed.
      const [one, all, read] = [[], [], new Set()];
      const stops = [
        follow(
          () => exchange.watchMarkPrice(symbol),
          (mark) => one.push(mark.markPrice),
        ),
        follow(
          () => exchange.watchMarkPrices(),
          (marks) => all.push(marks[symbol].markPrice),
        ),
      ];
      await agree(async () => {
        read.add((await exchange.fetchMarkPrice(symbol)).markPrice);
        for (const streamed of [one, all]) {
          const known = new Set(streamed.filter((mark) => read.has(mark)));
          assert.ok(known.size >= 3, `${streamed} of ${[...read]}`);
        }
      });
      stops.forEach((stop) => stop());
    }),
  ]);
}
