// The account by REST: settings against what they bring about, and the wallet to the last digit.
import assert from 'node:assert/strict';
import { agree, check, refused, same, sum, times, units } from './checks.mjs';
import { inject } from './client.mjs';

export default async function account(exchange, symbol) {
  const id = exchange.market(symbol).id;
  // What ccxt calls total counts what a position has not realized yet.
  const total = async () =>
    units((await exchange.fetchBalance()).info.assets.find((of) => of.asset === 'USDT').walletBalance);
  const income = async (type) => {
    const rows = await exchange.fapiPrivateGetIncome({ limit: 1000, ...(type && { incomeType: type }) });
    return sum(rows.map((row) => row.income));
  };

  await check('fetchPositionMode', async () => {
    assert.equal((await exchange.fetchPositionMode()).hedged, false);
    await refused(-4059, exchange.setPositionMode(false, symbol));
    await refused(-4084, exchange.setPositionMode(true, symbol));
  });
  await check('setMarginMode', async () => {
    for (const mode of ['isolated', 'cross']) {
      await exchange.setMarginMode(mode, symbol);
      assert.equal((await exchange.fetchMarginMode(symbol)).marginMode, mode);
      await refused(-4046, exchange.setMarginMode(mode, symbol));
    }
  });
  let tiers;
  await check('fetchLeverageTiers', async () => {
    tiers = (await exchange.fetchLeverageTiers([symbol]))[symbol];
    tiers.slice(1).forEach((tier, i) => {
      assert.ok(tier.minNotional === tiers[i].maxNotional && tier.maxNotional > tier.minNotional);
      assert.ok(tier.maxLeverage < tiers[i].maxLeverage && tier.maintenanceMarginRate > tiers[i].maintenanceMarginRate);
      // At the border both tiers ask for the same.
      same(
        tier.info.cum,
        tier.minNotional * (tier.maintenanceMarginRate - tiers[i].maintenanceMarginRate) + Number(tiers[i].info.cum),
      );
    });
    await exchange.setLeverage(tiers[0].maxLeverage, symbol);
    assert.equal((await exchange.setLeverage(10, symbol)).leverage, 10);
  });
  await check('fetchTradingFee', async () => {
    const fee = await exchange.fetchTradingFee(symbol);
    assert.deepEqual([fee.maker, fee.taker], [0.0002, 0.0005]);
  });

  let entry;
  await check('fetchPositions', async () => {
    const before = await total();
    const bought = await exchange.createOrder(symbol, 'market', 'buy', 0.04);
    entry = bought.average;
    const [position] = await exchange.fetchPositions([symbol]);
    assert.deepEqual(
      [position.side, position.contracts, position.hedged, position.marginMode],
      ['long', 0.04, false, 'cross'],
    );
    same(position.entryPrice, bought.average);
    assert.equal(units(position.notional), times(position.markPrice, 0.04));
    assert.equal(units(position.unrealizedPnl), times(position.markPrice - position.entryPrice, 0.04));
    assert.equal(units(position.initialMargin), times(position.notional, 0.1), 'at leverage 10');
    assert.equal(units(position.info.maintMargin), times(position.notional, tiers[0].maintenanceMarginRate));
    const fees = (await exchange.fetchMyTrades(symbol, undefined, undefined, { orderId: bought.id })).map(
      (fill) => fill.fee.cost,
    );
    assert.equal(await total(), before - sum(fees));
  });
  await check('fetchPositions by account', () =>
    agree(async () => {
      const [risk] = await exchange.fetchPositions([symbol]);
      const [position] = await exchange.fetchAccountPositions([symbol]);
      assert.deepEqual(
        [position.side, position.contracts, position.notional],
        [risk.side, risk.contracts, risk.notional],
      );
      same(position.unrealizedPnl, risk.unrealizedPnl);
      same(position.initialMargin, risk.initialMargin);
    }),
  );
  await check('fetchBalance with a position', () =>
    agree(async () => {
      const [before] = await exchange.fetchPositions([symbol]);
      const balance = await exchange.fetchBalance();
      const [position] = await exchange.fetchPositions([symbol]);
      assert.equal(before.markPrice, position.markPrice, 'one mark price');
      same(balance.USDT.used, position.initialMargin);
      const [asset] = balance.info.assets.filter((of) => of.asset === 'USDT');
      same(balance.USDT.total, asset.marginBalance);
      same(asset.unrealizedProfit, position.unrealizedPnl);
      same(asset.marginBalance, Number(asset.walletBalance) + position.unrealizedPnl);
      same(asset.availableBalance, Number(asset.marginBalance) - position.initialMargin);
      same(balance.info.totalMaintMargin, position.info.maintMargin);
    }),
  );
  await check('v3/balance', async () => {
    const [balance] = await exchange.fapiPrivateV3GetBalance();
    assert.equal(balance.asset, 'USDT');
    assert.equal(units(balance.balance), await total());
  });

  await check('fetchFundingHistory', async () => {
    const [before, known] = [await total(), (await exchange.fetchFundingHistory(symbol)).length];
    await inject({ name: 'funding-now' });
    const paid = (await exchange.fetchFundingHistory(symbol)).slice(known);
    assert.equal(paid.length, 1);
    const settled = (await exchange.fetchFundingRateHistory(symbol)).at(-1);
    assert.ok(Math.abs(settled.timestamp - paid[0].timestamp) < 1000);
    const notional = Number(times(settled.info.markPrice, 0.04)) / 1e8;
    assert.equal(units(paid[0].amount), -times(notional, settled.fundingRate), 'a long position pays');
    assert.equal(await total(), before + units(paid[0].amount));
  });
  await check('wallet after a profit or a loss', async () => {
    const before = await total();
    const sold = await exchange.createOrder(symbol, 'market', 'sell', 0.04, undefined, { reduceOnly: true });
    const fills = await exchange.fetchMyTrades(symbol, undefined, undefined, { orderId: sold.id });
    const realized = sum(fills.map((fill) => fill.info.realizedPnl));
    assert.equal(realized, sum(fills.map((fill) => Number(times(fill.price - entry, fill.amount)) / 1e8)));
    assert.equal(await total(), before + realized - sum(fills.map((fill) => fill.fee.cost)));
    assert.deepEqual(await exchange.fetchPositions([symbol]), []);
  });
  await check('wallet after a fill as maker', async () => {
    const before = await total();
    const resting = [];
    await agree(async () => {
      const { bid, ask } = (await exchange.fetchBidsAsks([symbol]))[symbol];
      // Refused when the market has come to the price in the meantime.
      for (const [side, price] of [
        ['buy', bid - 0.5],
        ['sell', ask + 0.5],
      ]) {
        const place = () => exchange.createOrder(symbol, 'limit', side, 0.01, price, { postOnly: true });
        await assert.doesNotReject(async () => resting.push(await place()));
      }
    });
    const read = () => Promise.all(resting.map((of) => exchange.fetchOrder(of.id, symbol)));
    await agree(async () =>
      assert.ok(
        (await read()).some((of) => of.status === 'closed'),
        'the market comes to one of them',
      ),
    );
    await exchange.cancelAllOrders(symbol);
    const fills = [];
    for (const order of await read()) {
      const of = await exchange.fetchMyTrades(symbol, undefined, undefined, { orderId: order.id });
      assert.equal(sum(of.map((fill) => fill.amount)), units(order.filled));
      assert.ok(
        of.every((fill) => fill.takerOrMaker === 'maker' && fill.price === order.price && fill.side === order.side),
      );
      fills.push(...of);
    }
    fills.forEach((fill) => assert.equal(units(fill.fee.cost), times(fill.cost, 0.0002)));
    const realized = sum(fills.map((fill) => fill.info.realizedPnl));
    assert.equal(await total(), before + realized - sum(fills.map((fill) => fill.fee.cost)));
    for (const position of await exchange.fetchPositions([symbol])) {
      const side = position.side === 'long' ? 'sell' : 'buy';
      await exchange.createOrder(symbol, 'market', side, position.contracts, undefined, { reduceOnly: true });
    }
  });
  await check('fetchLedger', async () => {
    const rows = await exchange.fetchLedger('USDT', undefined, 1000);
    assert.equal(await total(), sum(rows.map((row) => (row.direction === 'in' ? row.amount : -row.amount))));
    assert.equal(await income(), await total(), 'all that came in and went out');
    const fills = (await Promise.all(exchange.symbols.map((of) => exchange.fetchMyTrades(of)))).flat();
    assert.equal(await income('COMMISSION'), -sum(fills.map((fill) => fill.fee.cost)));
    assert.equal(await income('REALIZED_PNL'), sum(fills.map((fill) => fill.info.realizedPnl)));
    assert.equal(await income('FUNDING_FEE'), sum((await exchange.fetchFundingHistory()).map((row) => row.amount)));
  });
}
