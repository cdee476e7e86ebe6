// The user stream: what was ordered comes as an event, and REST tells the same.
import assert from 'node:assert/strict';
import { agree, check, refused, same } from './checks.mjs';

export default async function user(exchange, symbol) {
  const seen = { orders: new Map(), fills: new Map(), balance: undefined, positions: new Map() };
  const follow = async (watch, take) => {
    try {
      for (;;) {
        take(await watch());
      }
    } catch (error) {
      if (error.constructor.name !== 'ExchangeClosedByUser') {
        throw error;
      }
    }
  };
  const follows = [
    follow(
      () => exchange.watchOrders(symbol),
      (all) => all.forEach((of) => seen.orders.set(of.id, { ...of })),
    ),
    follow(
      () => exchange.watchMyTrades(symbol),
      (all) => all.forEach((of) => seen.fills.set(of.id, { ...of })),
    ),
    follow(
      () => exchange.watchBalance(),
      (balance) => (seen.balance = balance.USDT.total),
    ),
    follow(
      () => exchange.watchPositions([symbol]),
      (all) => all.forEach((of) => seen.positions.set(of.symbol, { ...of })),
    ),
  ];
  const told = (id, ...expected) =>
    agree(async () => {
      const order = seen.orders.get(id);
      assert.ok(order, `an event of order ${id}`);
      const read = await exchange.fetchOrder(id, symbol);
      for (const name of [
        'clientOrderId',
        'type',
        'side',
        'price',
        'amount',
        'filled',
        'remaining',
        'average',
        'status',
        'timeInForce',
        'reduceOnly',
      ]) {
        assert.deepEqual(order[name], read[name], name);
      }
      assert.deepEqual([order.status, order.filled], expected);
    });
  const wallet = async () =>
    (await exchange.fetchBalance()).info.assets.find((of) => of.asset === 'USDT').walletBalance;

  await check('listenKey', async () => {
    await agree(async () => assert.ok(exchange.options.future?.listenKey));
    assert.equal((await exchange.fapiPrivatePostListenKey()).listenKey, exchange.options.future.listenKey);
    await exchange.fapiPrivatePutListenKey();
  });
  const low = Math.round((await exchange.fetchTicker(symbol)).last * 0.97);
  let order;
  await check('watchOrders: new, amended, canceled', async () => {
    order = await exchange.createOrder(symbol, 'limit', 'buy', 0.01, low);
    await told(order.id, 'open', 0);
    await exchange.editOrder(order.id, symbol, 'limit', 'buy', 0.02, low - 10);
    await agree(async () =>
      assert.deepEqual([seen.orders.get(order.id).price, seen.orders.get(order.id).amount], [low - 10, 0.02]),
    );
    await exchange.cancelOrder(order.id, symbol);
    await told(order.id, 'canceled', 0);
  });
  await check('watchOrders: filled', async () => {
    order = await exchange.createOrder(symbol, 'market', 'buy', 0.05);
    await told(order.id, 'closed', 0.05);
  });
  await check('watchMyTrades', () =>
    agree(async () => {
      const fills = await exchange.fetchMyTrades(symbol, undefined, undefined, { orderId: order.id });
      assert.ok(fills.length > 0);
      for (const fill of fills) {
        const event = seen.fills.get(fill.id);
        assert.ok(event, `an event of fill ${fill.id}`);
        for (const name of ['order', 'side', 'price', 'amount', 'cost', 'takerOrMaker', 'fee', 'timestamp']) {
          assert.deepEqual(event[name], fill[name], name);
        }
      }
    }),
  );
  await check('watchBalance', () => agree(async () => same(seen.balance, await wallet())));
  await check('watchPositions', () =>
    agree(async () => {
      const [read] = await exchange.fetchPositions([symbol]);
      const event = seen.positions.get(symbol);
      assert.deepEqual(
        [event.side, event.contracts, event.entryPrice, event.marginMode],
        [read.side, read.contracts, read.entryPrice, read.marginMode],
      );
    }),
  );
  await check('watchOrders: conditional', async () => {
    const stop = await exchange.createOrder(symbol, 'market', 'sell', 0.05, undefined, {
      stopLossPrice: low,
      reduceOnly: true,
    });
    const says = (status) =>
      agree(async () => {
        const event = seen.orders.get(stop.id);
        assert.ok(event, 'an event of the stop');
        const read = await exchange.fetchOrder(stop.id, symbol, { trigger: true });
        ['clientOrderId', 'side', 'amount', 'triggerPrice', 'status', 'reduceOnly'].forEach((name) =>
          assert.deepEqual(event[name], read[name], name),
        );
        assert.equal(event.status, status);
      });
    await says('open');
    await exchange.cancelOrder(stop.id, symbol, { trigger: true });
    await says('canceled');
  });
  await check('the streams after the position is closed', async () => {
    order = await exchange.createOrder(symbol, 'market', 'sell', 0.05, undefined, { reduceOnly: true });
    await told(order.id, 'closed', 0.05);
    await agree(async () => same(seen.balance, await wallet()));
    await agree(async () => assert.equal(seen.positions.get(symbol).contracts, 0));
    await exchange.setLeverage(20, symbol);
  });
  await check('listenKey that was given back', async () => {
    await exchange.fapiPrivateDeleteListenKey();
    await refused(-1125, exchange.fapiPrivatePutListenKey());
  });
  await exchange.close();
  await Promise.all(follows);
}
