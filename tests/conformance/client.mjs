// ccxt as it comes from npm, at the paper exchange instead of Binance.
import ccxt from 'ccxt';

const host = `127.0.0.1:${process.env.PAPER_PORT}`;

// What has been asked, as "METHOD /path", and which streams were subscribed to, without their symbol.
export const asked = new Set();
export const subscribed = new Set();

// The negative control: where this is the "METHOD /path" or an event's type, every number in the answer or
// the event that has a decimal point is farther from zero than the truth by one in its last place.
const altered = process.env.CONFORMANCE_ALTER;
const isAltered = (name) => altered !== undefined && name === altered;
function alter(text) {
  return text.replace(/(\d+)\.(\d+)/g, (_, whole, part) => {
    const digits = (BigInt(whole + part) + 1n).toString().padStart(part.length + 1, '0');
    return `${digits.slice(0, -part.length)}.${digits.slice(-part.length)}`;
  });
}

function redirect(urls) {
  for (const [name, url] of Object.entries(urls)) {
    if (typeof url !== 'string') {
      redirect(url);
    } else {
      urls[name] = url.replace(/^(http|ws)s?:\/\/[^/]+/, (_, scheme) => `${scheme}://${host}`);
    }
  }
}

export async function connect(options = {}) {
  const exchange = new ccxt.pro.binance({
    apiKey: process.env.PAPER_KEY,
    secret: process.env.PAPER_SECRET,
    enableRateLimit: false,

    options: {
      defaultType: 'future',
      fetchMarkets: { types: ['linear'] },
      fetchCurrencies: false,
      fetchMargins: false,
      setMarginMode: { throwMarginModeAlreadySet: true },
      ...options,
    },
  });
  redirect(exchange.urls.api);
  exchange.urls.api.ws.future = `ws://${host}/ws`;
  await exchange.loadHttpProxyAgent();
  exchange.fetchImplementation = async (url, request) => {
    const endpoint = `${request.method} ${new URL(url).pathname}`;
    asked.add(endpoint);
    const response = await fetch(url, request);
    if (!isAltered(endpoint)) {
      return response;
    }
    return new Response(alter(await response.text()), { status: response.status, headers: response.headers });
  };
  for (const name of ['watch', 'watchMultiple']) {
    const watch = exchange[name].bind(exchange);
    exchange[name] = (url, hashes, message, ...more) => {
      for (const stream of message?.params ?? []) {
        subscribed.add(stream.replace(/^[^!@]+/, ''));
      }
      return watch(url, hashes, message, ...more);
    };
  }
  const handle = exchange.handleMessage.bind(exchange);
  exchange.handleMessage = (client, message) => {
    const event = (Array.isArray(message) ? message[0] : message)?.e;
    if (event !== undefined) {
      subscribed.add(event);
    }
    return handle(client, isAltered(event) ? JSON.parse(alter(JSON.stringify(message))) : message);
  };
  await exchange.loadMarkets();
  return exchange;
}

// A fault of the paper exchange, over its admin port.
export async function inject(fault) {
  const response = await fetch(`http://127.0.0.1:${process.env.PAPER_FAULT_PORT}/faults`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${process.env.PAPER_FAULT_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(fault),
  });
  if (response.status !== 201) {
    throw new Error(`the fault was not taken: ${await response.text()}`);
  }
}
