// Market data by REST: each answer against another that tells of the same.
import assert from 'node:assert/strict';
import { agree, check, refused, same, sum, times, units } from './checks.mjs';

const minute = 60_000;

export function fold(candles, interval) {
  const folded = [];
  for (const [time, open, high, low, close, volume] of candles) {
    const at = time - (time % interval);
    const last = folded.at(-1);
    if (last !== undefined && last[0] === at) {
      last[2] = Math.max(last[2], high);
      last[3] = Math.min(last[3], low);
      last[4] = close;
      last[5] = Number(units(last[5]) + units(volume)) / 1e8;
    } else {
      folded.push([at, open, high, low, close, volume]);
    }
  }
  return folded;
}

export default async function market(exchange, symbol) {
  const id = exchange.market(symbol).id;

  await check('ping', async () => assert.deepEqual(await exchange.fapiPublicGetPing(), {}));

  await check('fetchTime', async () => {
    const before = Date.now();
    const time = await exchange.fetchTime();
    assert.ok(time >= before && time <= Date.now());
  });

  await check('fetchMarkets', async () => {
    const markets = await exchange.fetchMarkets();
    // As Binance has them: tick, step, least and most of a quantity, least value.
    const known = { 'BTC/USDT:USDT': [0.1, 0.001, 0.001, 1000, 100], 'ETH/USDT:USDT': [0.01, 0.001, 0.001, 10000, 20] };
    assert.deepEqual(
      Object.fromEntries(
        markets.map((of) => [
          of.symbol,
          [of.precision.price, of.precision.amount, of.limits.amount.min, of.limits.amount.max, of.limits.cost.min],
        ]),
      ),
      known,
    );
    for (const of of markets) {
      const filter = Object.fromEntries(of.info.filters.map((entry) => [entry.filterType, entry]));
      assert.ok(of.swap && of.linear && of.contract && of.active && of.settle === 'USDT' && of.contractSize === 1);
      same(of.precision.price, filter.PRICE_FILTER.tickSize);
      same(of.precision.amount, filter.LOT_SIZE.stepSize);
      same(of.limits.amount.min, filter.LOT_SIZE.minQty);
      same(of.limits.cost.min, filter.MIN_NOTIONAL.notional);
      same(of.limits.market.max, filter.MARKET_LOT_SIZE.maxQty);
    }
  });

  for (const limit of [5, 10, 20, 50, 100, 500, 1000]) {
    await check(`fetchOrderBook ${limit}`, () =>
      agree(async () => {
        const whole = await exchange.fetchOrderBook(symbol, 1000);
        const book = await exchange.fetchOrderBook(symbol, limit);
        assert.equal(book.nonce, whole.nonce);
        assert.deepEqual([book.bids, book.asks], [whole.bids.slice(0, limit), whole.asks.slice(0, limit)]);
        assert.ok(book.bids.length >= 5 && book.asks.length >= 5 && book.bids[0][0] < book.asks[0][0]);
        for (const [side, sign] of [
          [book.bids, -1],
          [book.asks, 1],
        ]) {
          side.forEach(([price, amount], i) =>
            assert.ok(amount > 0 && (i === 0 || sign * (price - side[i - 1][0]) > 0)),
          );
        }
      }),
    );
  }

  await check('fetchOrderBook of a wrong limit', () => refused(-4021, exchange.fetchOrderBook(symbol, 7)));

  await check('fetchBidsAsks', () =>
    agree(async () => {
      const best = (await exchange.fetchBidsAsks([symbol]))[symbol];
      const book = await exchange.fetchOrderBook(symbol, 5);
      assert.deepEqual(
        [
          [best.bid, best.bidVolume],
          [best.ask, best.askVolume],
        ],
        [book.bids[0], book.asks[0]],
      );
    }),
  );

  await check('fetchTrades', async () => {
    await agree(async () => {
      const aggregates = await exchange.fetchTrades(symbol, undefined, 100);
      const trades = await exchange.fetchTrades(symbol, undefined, 1000, { fetchTradesMethod: 'fapiPublicGetTrades' });
      assert.ok(aggregates.length === 100 && trades.length === 1000);
      const byId = new Map(trades.map((trade) => [Number(trade.id), trade]));
      for (const aggregate of aggregates) {
        const parts = [];
        for (let part = Number(aggregate.info.f); part <= Number(aggregate.info.l); ++part) {
          assert.ok(byId.has(part), `trade ${part} of aggregate ${aggregate.id}`);
          parts.push(byId.get(part));
        }
        assert.equal(sum(parts.map((part) => part.amount)), units(aggregate.amount));
        assert.ok(parts.every((part) => part.price === aggregate.price && part.side === aggregate.side));
        assert.equal(parts[0].timestamp, aggregate.timestamp);
        assert.ok(parts.at(-1).timestamp - aggregate.timestamp < 100);
      }
      aggregates.slice(1).forEach((aggregate, i) => {
        assert.equal(Number(aggregate.id), Number(aggregates[i].id) + 1);
        assert.equal(Number(aggregate.info.f), Number(aggregates[i].info.l) + 1);
      });
      trades.slice(1).forEach((trade, i) => assert.equal(Number(trade.id), Number(trades[i].id) + 1));
      trades.forEach((trade) =>
        assert.equal(times(trade.price, trade.amount) / 1_000_000n, units(trade.info.quoteQty) / 1_000_000n),
      );
    });
  });

  await check('fetchTrades since', async () => {
    const some = await exchange.fetchTrades(symbol, undefined, 20);
    const again = await exchange.fetchTrades(symbol, some[5].timestamp, 5);
    assert.deepEqual(
      again.map((trade) => trade.id),
      some
        .filter((trade) => trade.timestamp >= some[5].timestamp)
        .slice(0, 5)
        .map((trade) => trade.id),
    );
    const from = await exchange.fetchTrades(symbol, undefined, 3, { fromId: some[7].id });
    assert.deepEqual(
      from.map((trade) => trade.id),
      some.slice(7, 10).map((trade) => trade.id),
    );
  });

  await check('fetchOHLCV against trades', () =>
    agree(async () => {
      const trades = await exchange.fetchTrades(symbol, undefined, 1000, { fetchTradesMethod: 'fapiPublicGetTrades' });
      const candles = await exchange.fetchOHLCV(symbol, '5s', undefined, 10);
      const whole = candles.filter(([time]) => time > trades[0].timestamp && time + 5000 <= trades.at(-1).timestamp);
      assert.ok(whole.length >= 2, 'two candles that the trades cover');
      for (const [time, open, high, low, close, volume] of whole) {
        const inside = trades.filter((trade) => trade.timestamp >= time && trade.timestamp < time + 5000);
        const prices = inside.map((trade) => trade.price);
        assert.deepEqual(
          [open, high, low, close],
          [prices[0], Math.max(...prices), Math.min(...prices), prices.at(-1)],
        );
        assert.equal(sum(inside.map((trade) => trade.amount)), units(volume));
      }
    }),
  );

  const intervals = {
    '3m': 3,
    '5m': 5,
    '15m': 15,
    '30m': 30,
    '1h': 60,
    '2h': 120,
    '4h': 240,
    '6h': 360,
    '8h': 480,
    '12h': 720,
    '1d': 1440,
  };
  await check('fetchOHLCV 1m', () =>
    agree(async () => {
      const coarse = await exchange.fetchOHLCV(symbol, '1m');
      const fine = await exchange.fetchOHLCV(symbol, '5s', undefined, 1500);
      assert.deepEqual(fold(fine, minute), coarse);
      const [since] = coarse.at(-2);
      assert.deepEqual(
        (await exchange.fetchOHLCV(symbol, '1m', since, 1)).map(([time]) => time),
        [since],
      );
    }),
  );
  for (const [name, minutes] of Object.entries(intervals)) {
    await check(`fetchOHLCV ${name}`, () =>
      agree(async () => {
        const coarse = await exchange.fetchOHLCV(symbol, name);
        assert.deepEqual(fold(await exchange.fetchOHLCV(symbol, '1m'), minutes * minute), coarse);
      }),
    );
  }
  await check('fetchOHLCV of an interval that is not kept', () => refused(-1120, exchange.fetchOHLCV(symbol, '1M')));

  const tells = async (read) => {
    const before = await exchange.fetchOHLCV(symbol, '1m');
    const ticker = await read();
    const trades = await exchange.fetchTrades(symbol, undefined, 1, { fetchTradesMethod: 'fapiPublicGetTrades' });
    assert.deepEqual(await exchange.fetchOHLCV(symbol, '1m'), before, 'no trade between the reads');
    const [[time, open, high, low, close, volume]] = fold(
      before.map((candle) => [0, ...candle.slice(1)]),
      1,
    );
    assert.equal(time, 0);
    assert.deepEqual([ticker.open, ticker.high, ticker.low, ticker.last], [open, high, low, close]);
    same(ticker.baseVolume, volume);
    same(ticker.change, Number(units(close) - units(open)) / 1e8);
    assert.ok(Math.abs(ticker.percentage - (100 * (close - open)) / open) <= 0.001);
    assert.ok(ticker.quoteVolume >= low * volume && ticker.quoteVolume <= high * volume);
    assert.ok(Math.abs(ticker.vwap - ticker.quoteVolume / volume) <= 0.01);
    assert.equal(Number(ticker.info.openTime), before[0][0]);
    assert.equal(Number(ticker.info.lastId), Number(trades[0].id));
    assert.equal(Number(ticker.info.count), Number(ticker.info.lastId) - Number(ticker.info.firstId) + 1);
    same(ticker.info.lastQty, trades[0].amount);
  };
  await check('fetchTicker', () => agree(() => tells(() => exchange.fetchTicker(symbol))));
  await check('fetchTickers', () =>
    agree(() =>
      tells(async () => {
        const all = await exchange.fetchTickers();
        assert.equal(Object.keys(all).length, 2);
        return all[symbol];
      }),
    ),
  );

  const lastPrice = async (price) => {
    const [trade] = await exchange.fetchTrades(symbol, undefined, 1, { fetchTradesMethod: 'fapiPublicGetTrades' });
    same(price, trade.price);
  };
  await check('fetchLastPrices', () =>
    agree(async () => lastPrice((await exchange.fetchLastPrices([symbol]))[symbol].price)),
  );
  await check('ticker/price', () =>
    agree(async () => lastPrice((await exchange.fapiPublicGetTickerPrice({ symbol: id })).price)),
  );

  await check('fetchMarkPrice', () =>
    agree(async () => {
      // The mean of the mid prices of the last second.
      const mids = [];
      for (const until = Date.now() + 1500; Date.now() < until;) {
        const best = (await exchange.fetchBidsAsks([symbol]))[symbol];
        mids.push((best.bid + best.ask) / 2);
      }
      const { markPrice } = await exchange.fetchMarkPrice(symbol);
      assert.ok(markPrice >= Math.min(...mids) && markPrice <= Math.max(...mids), `${markPrice} of ${mids}`);
    }),
  );

  await check('fetchFundingRate', async () => {
    const told = await exchange.fetchFundingRate(symbol);
    const hours = 3_600_000;
    assert.ok(told.fundingTimestamp > Date.now() && told.fundingTimestamp <= Date.now() + 8 * hours);
    assert.equal(told.fundingTimestamp % (8 * hours), 0);
    same(told.interestRate, 0.0001);
    assert.ok(Math.abs(told.fundingRate) < 0.01);
    same(told.indexPrice, told.markPrice);
    await agree(async () =>
      same((await exchange.fetchFundingRate(symbol)).markPrice, (await exchange.fetchMarkPrice(symbol)).markPrice),
    );
  });
}
