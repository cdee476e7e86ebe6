// Orders by REST: what was ordered against what is told of it, at once and by a second read.
import assert from 'node:assert/strict';
import { agree, check, refused, same, sum, times, units } from './checks.mjs';

// Everything that an order is said to be.
function is(order, expected) {
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(order[name], value, `${name} of ${JSON.stringify(order.info)}`);
  }
}

export default async function orders(exchange, symbol) {
  const id = exchange.market(symbol).id;
  // Far enough below the market to rest, not so far that the price filter refuses it.
  const low = Math.round((await exchange.fetchTicker(symbol)).last * 0.97);
  const both = async (of) => {
    const again = await exchange.fetchOrder(of.id, symbol);
    assert.deepEqual(again.info, { ...of.info, ...again.info }, 'the order read again');
    return again;
  };
  const open = async () => (await exchange.fetchOpenOrders(symbol)).map((of) => of.id);
  const used = async () => (await exchange.fetchBalance()).USDT.used;
  const leverage = 10;

  await check('setLeverage', async () => {
    is(await exchange.setLeverage(leverage, symbol), { symbol: id, leverage });
    is((await exchange.fetchLeverages([symbol]))[symbol], {
      longLeverage: leverage,
      shortLeverage: leverage,
      marginMode: 'cross',
    });
  });

  let order;
  await check('createOrder limit', async () => {
    const asked = Date.now();
    order = await exchange.createOrder(symbol, 'limit', 'buy', 0.01, low, { clientOrderId: 'conformance-1' });
    is(order, {
      clientOrderId: 'conformance-1',
      symbol,
      type: 'limit',
      side: 'buy',
      timeInForce: 'GTC',
      price: low,
      amount: 0.01,
      filled: 0,
      remaining: 0.01,
      cost: 0,
      average: undefined,
      status: 'open',
      reduceOnly: false,
      postOnly: false,
    });
    assert.ok(order.timestamp >= asked && order.timestamp <= Date.now());
  });
  await check('fetchOrder', async () => {
    is(await both(order), { status: 'open', price: low, amount: 0.01 });
    is(await exchange.fetchOrder(undefined, symbol, { origClientOrderId: 'conformance-1' }), { id: order.id });
    await refused(-2013, exchange.fetchOrder('1', symbol));
  });
  await check('fetchOpenOrders', async () => {
    const all = await exchange.fetchOpenOrders(symbol);
    assert.deepEqual(
      all.map((of) => of.info),
      [(await exchange.fetchOrder(order.id, symbol)).info],
    );
  });
  await check('fetchBalance with an open order', async () => same(await used(), (0.01 * low) / leverage));
  await check('createOrder twice by one client id', () =>
    refused(-4116, exchange.createOrder(symbol, 'limit', 'buy', 0.01, low, { clientOrderId: 'conformance-1' })),
  );
  await check('editOrder', async () => {
    const edited = await exchange.editOrder(order.id, symbol, 'limit', 'buy', 0.02, low - 10);
    is(edited, {
      id: order.id,
      clientOrderId: 'conformance-1',
      price: low - 10,
      amount: 0.02,
      remaining: 0.02,
      status: 'open',
    });
    is(await both(edited), { price: low - 10, amount: 0.02, timestamp: order.timestamp });
    same(await used(), (0.02 * (low - 10)) / leverage);
    await refused(-5027, exchange.editOrder(order.id, symbol, 'limit', 'buy', 0.02, low - 10));
  });
  await check('cancelOrder', async () => {
    is(await exchange.cancelOrder(order.id, symbol), { id: order.id, status: 'canceled', filled: 0, remaining: 0.02 });
    is(await exchange.fetchOrder(order.id, symbol), { status: 'canceled', price: low - 10 });
    assert.deepEqual(await open(), []);
    same(await used(), 0);
    await refused(-2011, exchange.cancelOrder(order.id, symbol));
  });

  await check('createOrder post-only', async () => {
    const high = Math.round(low / 0.97 / 0.99);
    await refused(-5022, exchange.createOrder(symbol, 'limit', 'buy', 0.01, high, { postOnly: true }));
    const resting = await exchange.createOrder(symbol, 'limit', 'buy', 0.01, low, { postOnly: true });
    is(resting, { status: 'open', timeInForce: 'PO', postOnly: true, filled: 0 });
    await exchange.cancelOrder(resting.id, symbol);
  });
  await check('createOrder IOC and FOK', async () => {
    const ioc = await exchange.createOrder(symbol, 'limit', 'buy', 0.01, low, { timeInForce: 'IOC' });
    is(await exchange.fetchOrder(ioc.id, symbol), { status: 'expired', timeInForce: 'IOC', filled: 0 });
    await refused(-5021, exchange.createOrder(symbol, 'limit', 'buy', 0.01, low, { timeInForce: 'FOK' }));
    assert.deepEqual(await open(), []);
  });
  await check('createOrder against the filters', async () => {
    const raw = { symbol: id, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC' };
    await refused(-4014, exchange.fapiPrivatePostOrder({ ...raw, quantity: '0.01', price: `${low}.05` }));
    await refused(-4164, exchange.fapiPrivatePostOrder({ ...raw, quantity: '0.001', price: `${low}` }));
    await refused(-4003, exchange.fapiPrivatePostOrder({ ...raw, quantity: '0', price: `${low}` }));
    await refused(-1111, exchange.fapiPrivatePostOrder({ ...raw, quantity: '0.0101', price: `${low}` }));
    await refused(-1121, exchange.fapiPrivatePostOrder({ ...raw, symbol: 'NONE', quantity: '1', price: '1' }));
    await refused(-2022, exchange.createOrder(symbol, 'market', 'sell', 0.01, undefined, { reduceOnly: true }));
    await refused(-2019, exchange.createOrder(symbol, 'limit', 'buy', 50, low));
    await refused(
      -4120,
      exchange.fapiPrivatePostOrder({
        symbol: id,
        side: 'SELL',
        type: 'STOP_MARKET',
        quantity: '0.01',
        stopPrice: `${low}`,
      }),
    );
  });

  let batch = [];
  await check('createOrders', async () => {
    const asked = [low, low - 5, low - 10].map((price) => ({
      symbol,
      type: 'limit',
      side: 'buy',
      amount: 0.01,
      price,
    }));
    batch = await exchange.createOrders([...asked, { symbol, type: 'limit', side: 'buy', amount: 50, price: low }]);
    assert.equal(batch.length, 4);
    batch.slice(0, 3).forEach((of, i) => is(of, { status: 'open', price: asked[i].price, amount: 0.01, filled: 0 }));
    is(batch[3].info, { code: -2019 });
    batch.length = 3;
    assert.deepEqual((await open()).sort(), batch.map((of) => of.id).sort());
    for (const of of batch) {
      await both(of);
    }
  });
  await check('editOrders', async () => {
    const edited = await exchange.editOrders(
      batch
        .slice(0, 2)
        .map((of, i) => ({ id: of.id, symbol, type: 'limit', side: 'buy', amount: 0.02 + i / 100, price: low - 20 })),
    );
    edited.forEach((of, i) => is(of, { id: batch[i].id, amount: 0.02 + i / 100, price: low - 20 }));
    is(await exchange.fetchOrder(batch[1].id, symbol), { amount: 0.03, price: low - 20, status: 'open' });
  });
  await check('cancelOrders', async () => {
    const byId = await exchange.cancelOrders([batch[0].id], symbol);
    is(byId[0], { id: batch[0].id, status: 'canceled', amount: 0.02, price: low - 20 });
    const byName = await exchange.cancelOrders([], symbol, { clientOrderIds: [batch[1].clientOrderId] });
    is(byName[0], { id: batch[1].id, status: 'canceled', amount: 0.03, price: low - 20 });
    assert.deepEqual(await open(), [batch[2].id]);
  });
  await check('cancelAllOrders', async () => {
    is((await exchange.cancelAllOrders(symbol))[0].info, { code: 200 });
    assert.deepEqual(await open(), []);
    is(await exchange.fetchOrder(batch[2].id, symbol), { status: 'canceled' });
  });
  await check('countdownCancelAll', async () => {
    const resting = await exchange.createOrder(symbol, 'limit', 'buy', 0.01, low);
    is(await exchange.fapiPrivatePostCountdownCancelAll({ symbol: id, countdownTime: 1000 }), {
      symbol: id,
      countdownTime: '1000',
    });
    await agree(async () => assert.deepEqual(await open(), []));
    const canceled = await exchange.fetchOrder(resting.id, symbol);
    is(canceled, { status: 'canceled' });
    assert.ok(canceled.lastUpdateTimestamp >= resting.timestamp + 1000, 'not before its time');
  });

  await check('createOrder market', async () => {
    const before = await exchange.fetchBidsAsks([symbol]);
    const bought = await exchange.createOrder(symbol, 'market', 'buy', 0.05);
    is(bought, { status: 'closed', type: 'market', side: 'buy', amount: 0.05, filled: 0.05, remaining: 0 });
    assert.ok(Math.abs(bought.average / before[symbol].ask - 1) < 0.001);
    await both(bought);
    const fills = await exchange.fetchMyTrades(symbol, undefined, undefined, { orderId: bought.id });
    assert.equal(sum(fills.map((fill) => fill.amount)), units(0.05));
    assert.equal(sum(fills.map((fill) => fill.cost)), units(bought.cost));
    assert.ok(fills.every((fill) => fill.order === bought.id && fill.side === 'buy' && fill.takerOrMaker === 'taker'));
  });
  await check('fetchMyTrades', async () => {
    for (const fill of await exchange.fetchMyTrades(symbol)) {
      assert.equal(times(fill.price, fill.amount), units(fill.cost));
      assert.equal(units(fill.fee.cost), times(fill.cost, 0.0005), 'the fee of a taker');
      assert.equal(fill.fee.currency, 'USDT');
    }
  });
  await check('createOrder reduce-only', async () => {
    const cut = await exchange.createOrder(symbol, 'market', 'sell', 0.09, undefined, { reduceOnly: true });
    is(cut, { status: 'closed', filled: 0.05, reduceOnly: true });
    assert.deepEqual(await exchange.fetchPositions([symbol]), []);
  });
  await check('fetchOrders', async () => {
    const all = await exchange.fetchOrders(symbol);
    assert.deepEqual(
      all.map((of) => of.id),
      [...all].sort((a, b) => Number(a.id) - Number(b.id)).map((of) => of.id),
    );
    for (const of of [order, ...batch]) {
      is(
        all.find((one) => one.id === of.id),
        { status: 'canceled' },
      );
    }
    assert.deepEqual(
      (await exchange.fetchClosedOrders(symbol)).map((of) => of.filled),
      [0.05, 0.05],
    );
    const canceled = await exchange.fetchCanceledOrders(symbol);
    assert.deepEqual(
      canceled.map((of) => of.id),
      all.filter((of) => of.status === 'canceled').map((of) => of.id),
    );
  });
}
