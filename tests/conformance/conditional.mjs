// Conditional orders by POST algoOrder.
import assert from 'node:assert/strict';
import { agree, check, refused, same } from './checks.mjs';

function is(order, expected) {
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(order[name], value, `${name} of ${JSON.stringify(order.info)}`);
  }
}

export default async function conditional(exchange, symbol) {
  const trigger = { trigger: true };
  const last = (await exchange.fetchTicker(symbol)).last;
  const [below, above] = [Math.round(last * 0.97), Math.round(last * 1.03)];
  const open = async () =>
    (await exchange.fetchOpenOrders(symbol, undefined, undefined, trigger)).map((of) => of.id).sort();
  const placed = [];
  await exchange.createOrder(symbol, 'market', 'buy', 0.05);

  const kinds = [
    ['STOP_MARKET', 'market', undefined, { stopLossPrice: below }, { triggerPrice: below }],
    ['STOP', 'limit', below - 10, { stopLossPrice: below }, { triggerPrice: below, price: below - 10 }],
    ['TAKE_PROFIT_MARKET', 'market', undefined, { takeProfitPrice: above }, { triggerPrice: above }],
    ['TAKE_PROFIT', 'limit', above + 10, { takeProfitPrice: above }, { triggerPrice: above, price: above + 10 }],
    ['TRAILING_STOP_MARKET', 'market', undefined, { trailingPercent: 3 }, {}],
  ];
  for (const [kind, type, price, parameters, expected] of kinds) {
    await check(`createOrder ${kind}`, async () => {
      const order = await exchange.createOrder(symbol, type, 'sell', 0.01, price, { ...parameters, reduceOnly: true });
      placed.push(order);
      is(order, { status: 'open', side: 'sell', amount: 0.01, reduceOnly: true, symbol, ...expected });
      assert.equal(order.info.orderType, kind);
      if (kind === 'TRAILING_STOP_MARKET') {
        same(order.info.callbackRate, 3);
      }
      assert.deepEqual((await exchange.fetchOrder(order.id, symbol, trigger)).info, order.info);
    });
  }
  await check('fetchOpenOrders of conditional orders', async () => {
    const all = await exchange.fetchOpenOrders(symbol, undefined, undefined, trigger);
    assert.deepEqual(
      all.map((of) => of.info),
      placed.map((of) => of.info),
    );
    assert.deepEqual(await exchange.fetchOpenOrders(symbol), [], 'they are no orders yet');
  });
  await check('cancelOrder of a conditional order', async () => {
    is((await exchange.cancelOrder(placed[0].id, symbol, trigger)).info, {
      code: '200',
      clientAlgoId: placed[0].clientOrderId,
    });
    is(await exchange.fetchOrder(placed[0].id, symbol, trigger), { status: 'canceled' });
    assert.deepEqual(
      await open(),
      placed.slice(1).map((of) => of.id),
    );
  });
  await check('cancelAllOrders of conditional orders', async () => {
    await exchange.cancelAllOrders(symbol, trigger);
    assert.deepEqual(await open(), []);
  });
  await check('fetchOrders of conditional orders', async () => {
    const all = await exchange.fetchOrders(symbol, undefined, undefined, trigger);
    assert.deepEqual(
      all.map((of) => [of.id, of.status]),
      placed.map((of) => [of.id, 'canceled']),
    );
    for (const name of [
      'clientOrderId',
      'type',
      'side',
      'amount',
      'price',
      'triggerPrice',
      'reduceOnly',
      'timestamp',
    ]) {
      assert.deepEqual(
        all.map((of) => of[name]),
        placed.map((of) => of[name]),
        name,
      );
    }
  });
  await check('createOrder that would trigger at once', () =>
    refused(
      -2021,
      exchange.createOrder(symbol, 'market', 'sell', 0.01, undefined, { stopLossPrice: above, reduceOnly: true }),
    ),
  );

  await check('a triggered stop or take-profit', async () => {
    // The market meets one of them soon, or has met it before both stand.
    await agree(async () => {
      await exchange.cancelAllOrders(symbol, trigger);
      if ((await exchange.fetchPositions([symbol])).length === 0) {
        await exchange.createOrder(symbol, 'market', 'buy', 0.05);
      }
      const { bid, ask } = (await exchange.fetchBidsAsks([symbol]))[symbol];
      for (const at of [{ stopLossPrice: bid - 2 }, { takeProfitPrice: ask + 2 }]) {
        await assert.doesNotReject(async () => {
          placed.push(
            await exchange.createOrder(symbol, 'market', 'sell', 0.05, undefined, { ...at, reduceOnly: true }),
          );
        });
      }
    });
    await agree(async () => assert.deepEqual(await exchange.fetchPositions([symbol]), []));
    const [stop, profit] = placed.slice(-2);
    const ended = (await exchange.fetchOrders(symbol, undefined, undefined, trigger)).filter((of) =>
      [stop.id, profit.id].includes(of.id),
    );
    const [fired] = ended.filter((of) => of.info.actualOrderId !== '');
    const spawned = await exchange.fetchOrder(fired.info.actualOrderId, symbol);
    is(spawned, { status: 'closed', filled: 0.05, side: 'sell', clientOrderId: fired.clientOrderId });
    same(spawned.average, fired.info.actualPrice);
    assert.ok(
      fired.id === stop.id ? spawned.average <= stop.triggerPrice + 2 : spawned.average >= profit.triggerPrice - 2,
    );
    await exchange.cancelAllOrders(symbol, trigger);
  });
}
