'use strict';
// Shows what /api/health/system and /api/health/alerts say, every two seconds. Text from outside is only ever set as
// text, never as markup.
const kRefreshMs = 2000;
const kStaleMs = 20000;

const byId = (id) => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) {
    made.className = className;
  }
  return made;
}

function badge(id, text) {
  byId(id).textContent = text;
  byId(id).className = 'badge ' + text;
}

function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = text === '';
}

function marketText(market) {
  const parts = ['Market: ' + (market.source || 'unknown')];
  if (market.detail) {
    parts.push(market.detail);
  }
  if (market.speed) {
    parts.push('speed ' + market.speed);
  }
  if (market.error) {
    parts.push(market.error);
  }
  return parts.join(' · ');
}

function showSystem(system) {
  badge('mode', system.mode);
  badge('status', system.status);
  document.title = system.status + ' – Quantum Trader';
  byId('market').textContent = marketText(system.market);
  byId('checked').textContent = new Date(system.checked_at).toLocaleString();
  byId('checked').dateTime = system.checked_at;
  byId('units').replaceChildren(...system.units.map((unit) => {
    const row = document.createElement('tr');
    row.append(element('td', unit.name), element('td', unit.kind), element('td', unit.status, unit.status),
               element('td', unit.latency_ms.toFixed(1) + ' ms', 'number'), element('td', unit.error || ''));
    return row;
  }));
}

function alertLine(alert) {
  const until = alert.cleared_at ? ' until ' + new Date(alert.cleared_at).toLocaleTimeString() : '';
  const line = element('li', '');
  line.append(element('strong', alert.key, alert.cleared_at ? '' : alert.severity),
              document.createTextNode(' ' + alert.summary + ' (since ' + new Date(alert.since).toLocaleTimeString() + until + ')'));
  return line;
}

function showAlerts(alerts) {
  const none = () => element('li', 'None.');
  byId('alerts').replaceChildren(...(alerts.items.length ? alerts.items.map(alertLine) : [none()]));
  byId('cleared').replaceChildren(...(alerts.recently_cleared.length ? alerts.recently_cleared.map(alertLine) : [none()]));
}

async function get(path) {
  const answer = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(kStaleMs)});
  const body = await answer.json();
  if (!answer.ok) {
    throw new Error(body.detail || 'status ' + answer.status);
  }
  return body;
}

async function refresh() {
  try {
    const [system, alerts] = await Promise.all([get('/api/health/system'), get('/api/health/alerts')]);
    showSystem(system);
    showAlerts(alerts);
    const age = Date.now() - Date.parse(system.checked_at);
    notice(age > kStaleMs ? 'What stands below is ' + Math.round(age / 1000) + ' seconds old.' : '');
  } catch (error) {
    notice('Monitoring does not answer (' + error.message + '). What stands below may be out of date.');
  }
  setTimeout(refresh, kRefreshMs);
}

refresh();
