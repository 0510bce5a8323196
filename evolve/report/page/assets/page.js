"use strict";
// Draws a run from its facts. Every string goes into a text node: nothing that a model wrote is ever markup here.

const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c6bb1", "#7f7f7f"];
const byId = (id) => document.getElementById(id);
const live = document.body.dataset.live || "";

function make(tag, given, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given || {})) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const shown = (score) => (score === null || score === undefined ? "-" : score.toFixed(2));
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// -- the run: columns of facts, and where each program lies in them --------------------------------------------------

let facts = JSON.parse(byId("facts").textContent);
let place = new Map();
let children = new Map();

function index() {
  const c = facts.columns;
  place = new Map(c.id.map((id, i) => [id, i]));
  children = new Map();
  c.parent.forEach((parent, i) => {
    if (parent === null) return;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(c.id[i]);
  });
}

function named(i) {
  const c = facts.columns;
  const name = c.name[i] ? ` (${c.name[i]})` : "";
  const model = facts.models[c.model[i]];
  const made = facts.kinds[c.kind[i]] + (model ? ` by ${model}` : "");
  const state = facts.states[c.state[i]];
  return `program ${c.id[i]}${name}: ${state === "ok" ? shown(c.score[i]) : state}, ${made}`;
}

// -- texts of a program: packed in the file, or asked of the server --------------------------------------------------

const opened = new Map();

async function textsOf(id) {
  if (live) {
    const said = await fetch(`${live}/programs/${id}.json`);
    if (!said.ok) throw new Error(`the server answers ${said.status}`);
    return said.json();
  }
  const chunk = facts.chunks[id];
  if (!opened.has(chunk)) {
    const bytes = Uint8Array.from(atob(byId(`texts-${chunk}`).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    opened.set(chunk, await new Response(stream).json());
  }
  return opened.get(chunk).find((one) => one.id === id);
}

// -- source, highlighted ---------------------------------------------------------------------------------------------

const TOKEN = new RegExp(
  [
    "(?<c>#[^\\n]*)",
    "(?<s>(?:\\b[rRbBfFuU]{1,2})?(?:\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'''[\\s\\S]*?(?:'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))",
    "(?<k>\\b(?:False|None|True|and|as|assert|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|self)\\b)",
    "(?<m>\\b\\d[\\d_]*(?:\\.\\d*)?(?:[eE][+-]?\\d+)?\\b)",
  ].join("|"),
  "g",
);

function highlighted(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > from) nodes.push(text.slice(from, found.index));
    const kind = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    nodes.push(make("span", { class: kind }, found[0]));
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

// -- differences of two programs -------------------------------------------------------------------------------------

// Returns [[sign, line of a, line of b]]: the longest common lines, after what is the same at both ends.
function difference(a, b) {
  const left = a.split("\n"), right = b.split("\n");
  let start = 0, end = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  while (
    end < left.length - start && end < right.length - start &&
    left[left.length - 1 - end] === right[right.length - 1 - end]
  ) end++;
  const x = left.slice(start, left.length - end), y = right.slice(start, right.length - end);
  const rows = left.slice(0, start).map((line) => [" ", line, line]);
  if (x.length * y.length > 4e6) {
    rows.push(...x.map((line) => ["-", line, null]), ...y.map((line) => ["+", null, line]));
  } else {
    const wide = y.length + 1, common = new Uint16Array((x.length + 1) * wide);
    for (let i = x.length - 1; i >= 0; i--)
      for (let j = y.length - 1; j >= 0; j--)
        common[i * wide + j] =
          x[i] === y[j] ? common[(i + 1) * wide + j + 1] + 1
            : Math.max(common[(i + 1) * wide + j], common[i * wide + j + 1]);
    let i = 0, j = 0;
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) rows.push([" ", x[i++], y[j++]]);
      else if (i < x.length && (j === y.length || common[(i + 1) * wide + j] >= common[i * wide + j + 1]))
        rows.push(["-", x[i++], null]);
      else rows.push(["+", null, y[j++]]);
    }
  }
  rows.push(...left.slice(left.length - end).map((line) => [" ", line, line]));
  return rows;
}

const CONTEXT = 4;

// Leaves out what is far from any change; a cut is null.
function near(rows) {
  const keep = new Uint8Array(rows.length);
  rows.forEach((row, i) => {
    if (row[0] === " ") return;
    for (let k = Math.max(0, i - CONTEXT); k <= Math.min(rows.length - 1, i + CONTEXT); k++) keep[k] = 1;
  });
  const found = [];
  rows.forEach((row, i) => {
    if (keep[i]) found.push(row);
    else if (i === 0 || keep[i - 1]) found.push(null);
  });
  return found;
}

function oneColumn(rows) {
  const line = (row) =>
    row === null ? make("span", { class: "l hunk" }, "⋯")
      : make("span", { class: `l ${row[0] === "+" ? "add" : row[0] === "-" ? "del" : ""}` },
        row[0] + " ", ...highlighted(row[0] === "+" ? row[2] : row[1]));
  return make("pre", { class: "tall" }, ...rows.map(line));
}

function twoColumns(rows) {
  const cells = [];
  const cell = (text, kind) => make("span", { class: kind }, ...(text === null ? [""] : highlighted(text)));
  for (let i = 0; i < rows.length; ) {
    if (rows[i] === null || rows[i][0] === " ") {
      const row = rows[i++];
      cells.push(cell(row ? row[1] : "⋯", row ? "" : "hunk"), cell(row ? row[2] : "⋯", row ? "" : "hunk"));
      continue;
    }
    const gone = [], come = [];
    while (i < rows.length && rows[i] && rows[i][0] !== " ") (rows[i][0] === "-" ? gone : come).push(rows[i++]);
    for (let k = 0; k < Math.max(gone.length, come.length); k++)
      cells.push(
        cell(gone[k] ? gone[k][1] : null, gone[k] ? "del" : ""),
        cell(come[k] ? come[k][2] : null, come[k] ? "add" : ""),
      );
  }
  return make("div", { class: "two" }, ...cells);
}

// -- one program -----------------------------------------------------------------------------------------------------

let part = "diff";
let against = null;
let beside = false;

async function openProgram(id, quietly) {
  const box = byId("program");
  const i = place.get(id);
  if (!box || i === undefined) return;
  let texts;
  try {
    texts = await textsOf(id);
  } catch (error) {
    box.replaceChildren(make("p", { class: "warn" }, `The texts of program ${id} cannot be shown: ${error.message}.`));
    return;
  }
  const c = facts.columns;
  const link = (other) => make("a", { href: `#p${other}` }, `${other}`);
  const listed = (ids) => ids.flatMap((other, k) => (k ? [", ", link(other)] : [link(other)]));
  const head = [make("h3", {}, named(i))];
  if (c.parent[i] !== null) {
    const from = place.get(c.parent[i]);
    const gain = c.score[i] !== null && from !== undefined && c.score[from] !== null ? c.score[i] - c.score[from] : null;
    head.push(make("p", {}, "made from program ", link(c.parent[i]),
      gain === null ? "" : make("span", { class: gain > 0 ? "up" : gain < 0 ? "down" : "dim" },
        ` ${gain >= 0 ? "+" : ""}${gain.toFixed(2)} points`),
      texts.inspirations ? " with a look at " : "", ...(texts.inspirations ? listed(texts.inspirations) : [])));
  }
  const made = children.get(id) || [];
  if (made.length) head.push(make("p", {}, "programs made from it: ", ...listed(made.slice(0, 40)), made.length > 40 ? " ..." : ""));
  if (c.idea[i]) head.push(make("p", { class: "dim" }, c.idea[i]));
  if (texts.reason) head.push(make("p", { class: "dim" }, `why this parent: ${texts.reason}`));
  if (texts.splits)
    head.push(make("p", {}, Object.entries(texts.splits).map(([name, [state, score]]) =>
      `${name}: ${state === "ok" ? shown(score) : state}`).join(", ")));
  const parts = { diff: "Difference", source: "Source", scores: "Scores" };
  if (texts.prompt) parts.prompt = "Prompt";
  if (texts.answer) parts.answer = "Answer";
  if (!(part in parts)) part = "diff";
  const tabs = make("div", { class: "row", role: "tablist" }, ...Object.entries(parts).map(([name, title]) =>
    make("button", { type: "button", role: "tab", "aria-selected": String(name === part), "data-part": name,
      onclick: () => { part = name; openProgram(id, true); } }, title)));
  const body = make("div", { id: "part" });
  box.replaceChildren(make("div", { class: "panel" }, ...head, tabs, body));
  box.dataset.program = id;
  if (part === "source") body.append(make("pre", { class: "tall" }, ...highlighted(texts.source)));
  else if (part === "prompt") body.append(make("pre", { class: "tall wrap" }, `${texts.system || ""}\n\n${texts.prompt}`));
  else if (part === "answer") body.append(make("pre", { class: "tall wrap" }, texts.answer));
  else if (part === "scores") body.append(scoresOf(i, texts));
  else await showDifference(body, id, i, texts);
  if (!quietly) box.scrollIntoView({ block: "start" });
}

async function showDifference(body, id, i, texts) {
  const c = facts.columns;
  const other = against !== null && place.has(against) ? against : c.parent[i] === null ? 0 : c.parent[i];
  const before = await textsOf(other);
  const field = make("input", { type: "number", value: other, "aria-label": "number of the other program", min: -999,
    onchange: (event) => { against = event.target.value === "" ? null : Number(event.target.value); openProgram(id, true); } });
  const side = make("input", { type: "checkbox", onchange: (event) => { beside = event.target.checked; openProgram(id, true); } });
  side.checked = beside;
  body.append(make("div", { class: "row" }, make("label", {}, "from program ", field), make("label", {}, side, " side by side"),
    make("button", { type: "button", onclick: () => { against = null; openProgram(id, true); } }, "its parent"),
    make("button", { type: "button", onclick: () => { against = 0; openProgram(id, true); } }, "the seed")));
  const rows = near(difference(before.source, texts.source));
  const same = rows.every((row) => row === null || row[0] === " ");
  body.append(same ? make("p", {}, `Programs ${other} and ${id} are the same.`) : beside ? twoColumns(rows) : oneColumn(rows));
}

function scoresOf(i, texts) {
  const c = facts.columns;
  const rows = texts.instances || c.scores[i].map((score, k) => [facts.instances[k] || `instance ${k}`, "", score, null, ""]);
  const parent = c.parent[i] === null ? undefined : place.get(c.parent[i]), seed = place.get(0);
  const of = (at, k) => (at === undefined ? null : c.scores[at][k]);
  const cell = (text) => make("td", { class: "n" }, text);
  const body = rows.map((row, k) => make("tr", {}, make("td", {}, row[0]), cell(row[2] === null ? row[1] : shown(row[2])),
    cell(shown(of(parent, k))), cell(shown(of(seed, k))), make("td", {}, row[4] || "")));
  const head = make("tr", {}, make("th", {}, "instance"), ...["score", "parent", "seed"].map((name) => make("th", { class: "n" }, name)),
    make("th", {}, "what the verifier says"));
  const failed = texts.failure ? make("pre", { class: "wrap" }, texts.failure) : "";
  return make("div", { class: "scroll" }, failed, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

// -- the curve -------------------------------------------------------------------------------------------------------

let plot = null;
let axis = "at";
const AXES = { at: "evaluations", minutes: "minutes of work", usd: "dollars" };

function curveData() {
  const c = facts.columns;
  const order = c.id.map((id, i) => i).filter((i) => c.id[i] >= 0).sort((p, q) => c[axis][p] - c[axis][q] || p - q);
  let best = null;
  const bests = order.map((i) => (best = c.score[i] === null ? best : best === null ? c.score[i] : Math.max(best, c.score[i])));
  return { order, data: [order.map((i) => c[axis][i]), order.map((i) => c.score[i]), bests] };
}

function drawCurve() {
  const box = byId("curve");
  if (!box) return;
  const { order, data } = curveData();
  const levels = facts.levels || [];
  for (const level of levels) data.push(data[0].map(() => level.score));
  const scores = data[1].filter((score) => score !== null).sort((p, q) => p - q);
  const least = Math.min(scores.length ? scores[Math.floor(scores.length * 0.06)] : 0, ...levels.map((level) => level.score));
  const most = Math.max(scores.length ? scores[scores.length - 1] : 1, ...levels.map((level) => level.score));
  const room = (most - least || 1) * 0.06;
  const line = { stroke: () => ink("--dim"), grid: { stroke: () => ink("--line"), width: 1 }, ticks: { stroke: () => ink("--line") } };
  const series = [
    { label: AXES[axis] },
    { label: "a program", stroke: HUES[5], paths: () => null, points: { show: true, size: 5, fill: HUES[5] } },
    { label: "best so far", stroke: () => ink("--accent"), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
    ...levels.map((level, k) => ({ label: level.name, stroke: k ? HUES[4] : HUES[7], dash: [6, 4], points: { show: false } })),
  ];
  if (plot) plot.destroy();
  plot = new uPlot({
    width: Math.max(box.clientWidth, 280), height: window.innerWidth < 640 ? 280 : 340, series,
    scales: { x: { time: false }, y: { range: (u, low, high) => (u.zoomed ? [low, high] : [least - room, most + room]) } },
    axes: [{ ...line, label: AXES[axis], labelSize: 22 }, { ...line, label: "score on train", labelSize: 22, size: 56 }],
    cursor: { drag: { x: true, y: false } },
    hooks: { setCursor: [(u) => {
      const at = u.cursor.idx;
      if (at !== null && at !== undefined && order[at] !== undefined) byId("curve-said").textContent = named(order[at]);
    }] },
  }, data, box);
  plot.over.addEventListener("click", () => {
    const at = plot.cursor.idx;
    if (at !== null && order[at] !== undefined) location.hash = `p${facts.columns.id[order[at]]}`;
  });
  box.dataset.points = String(data[0].length);
}

// -- the lineage -----------------------------------------------------------------------------------------------------

const graph = { height: "branch", colour: "score", zoom: 1, dx: 0, dy: 0, nodes: [] };

function shade(share) {
  const from = [122, 132, 145], middle = [86, 180, 233], to = [0, 158, 115];
  const [a, b, t] = share < 0.5 ? [from, middle, share * 2] : [middle, to, share * 2 - 1];
  return `rgb(${a.map((x, k) => Math.round(x + (b[k] - x) * t)).join(",")})`;
}

function layOut() {
  const c = facts.columns;
  const rows = new Map();
  let slot = 0;
  const waiting = [[0, false]];
  while (waiting.length) {  // a stack: lineages are longer than what may recurse
    const [id, done] = waiting.pop();
    const made = (children.get(id) || []).filter((child) => place.has(child));
    if (!made.length) rows.set(id, slot++);
    else if (done) rows.set(id, made.reduce((sum, child) => sum + rows.get(child), 0) / made.length);
    else {
      waiting.push([id, true]);
      for (let k = made.length - 1; k >= 0; k--) waiting.push([made[k], false]);
    }
  }
  const scores = c.score.filter((score) => score !== null).sort((p, q) => p - q);
  const low = scores.length ? scores[Math.floor(scores.length * 0.05)] : 0, high = scores.length ? scores[scores.length - 1] : 1;
  const last = Math.max(1, ...c.at);
  graph.nodes = [];
  c.id.forEach((id, i) => {
    if (id < 0 || !rows.has(id)) return;
    const share = c.score[i] === null ? null : Math.max(0, Math.min(1, (c.score[i] - low) / (high - low || 1)));
    graph.nodes.push({ id, i, x: c.at[i] / last, share, branch: rows.get(id) / Math.max(1, slot - 1), score: share === null ? 1.04 : 1 - share });
  });
  graph.at = new Map(graph.nodes.map((node) => [node.id, node]));
  graph.path = new Set(facts.path);
  byId("lineage").dataset.nodes = String(graph.nodes.length);
}

function spot(node, wide, high) {
  const y = graph.height === "branch" ? node.branch : node.score;
  return [20 + graph.dx + node.x * (wide - 40) * graph.zoom, 20 + graph.dy + y * (high - 40) * graph.zoom];
}

function colourOf(node) {
  const c = facts.columns;
  if (graph.colour === "score") return node.share === null ? "#d55e00" : shade(node.share);
  return HUES[(graph.colour === "kind" ? c.kind : c.model)[node.i] % HUES.length];
}

function drawLineage() {
  const canvas = byId("lineage");
  if (!canvas) return;
  const scale = window.devicePixelRatio || 1, wide = canvas.clientWidth, high = canvas.clientHeight;
  canvas.width = wide * scale;
  canvas.height = high * scale;
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, wide, high);
  const where = new Map(graph.nodes.map((node) => [node.id, spot(node, wide, high)]));
  const c = facts.columns;
  for (const best of [false, true]) {
    pen.beginPath();
    for (const node of graph.nodes) {
      const from = where.get(c.parent[node.i]);
      if (!from || (graph.path.has(node.id) && graph.path.has(c.parent[node.i])) !== best) continue;
      const to = where.get(node.id);
      pen.moveTo(from[0], from[1]);
      pen.bezierCurveTo((from[0] + to[0]) / 2, from[1], (from[0] + to[0]) / 2, to[1], to[0], to[1]);
    }
    pen.strokeStyle = best ? ink("--accent") : ink("--line");
    pen.lineWidth = best ? 3 : 0.8;
    pen.stroke();
  }
  const radius = Math.max(2, Math.min(6, (graph.nodes.length > 800 ? 2 : 3.4) * Math.sqrt(graph.zoom)));
  for (const node of graph.nodes) {
    const [x, y] = where.get(node.id);
    if (x < -9 || y < -9 || x > wide + 9 || y > high + 9) continue;
    const best = graph.path.has(node.id);
    pen.beginPath();
    pen.arc(x, y, best ? radius + 2 : radius, 0, 7);
    pen.fillStyle = colourOf(node);
    pen.fill();
    if (best) {
      pen.lineWidth = 2;
      pen.strokeStyle = ink("--accent");
      pen.stroke();
    }
  }
  const legend = byId("lineage-legend");
  const words = graph.colour === "score"
    ? [["low", shade(0)], ["middle", shade(0.5)], ["high", shade(1)], ["failed or stopped", "#d55e00"]]
    : (graph.colour === "kind" ? facts.kinds : facts.models).map((word, k) => [word || "none", HUES[k % HUES.length]]);
  legend.replaceChildren(...words.map(([word, hue]) => {
    const box = make("i");
    box.style.background = hue;
    return make("span", {}, box, word);
  }), make("span", {}, "ring: on the way to the best"));
}

function nearest(event) {
  const canvas = byId("lineage"), box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  let found = null, least = 14 * 14;
  for (const node of graph.nodes) {
    const [nx, ny] = spot(node, canvas.clientWidth, canvas.clientHeight);
    const far = (nx - x) ** 2 + (ny - y) ** 2;
    if (far < least || (far === least && graph.path.has(node.id))) [found, least] = [node, far];
  }
  return found;
}

function zoomBy(factor, x, y) {
  const to = Math.max(1, Math.min(60, graph.zoom * factor));
  graph.dx = x - 20 - ((x - 20 - graph.dx) / graph.zoom) * to;
  graph.dy = y - 20 - ((y - 20 - graph.dy) / graph.zoom) * to;
  graph.zoom = to;
  if (to === 1) graph.dx = graph.dy = 0;
  drawLineage();
}

function startLineage() {
  const canvas = byId("lineage");
  if (!canvas) return;
  let held = null, moved = false;
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;  // a page that is scrolled must not get stuck here
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => { held = [event.clientX - graph.dx, event.clientY - graph.dy]; moved = false; });
  canvas.addEventListener("pointermove", (event) => {
    if (held) {
      const [dx, dy] = [event.clientX - held[0], event.clientY - held[1]];
      moved = moved || Math.abs(dx - graph.dx) + Math.abs(dy - graph.dy) > 4;
      if (moved) { [graph.dx, graph.dy] = [dx, dy]; drawLineage(); }
    }
    const node = nearest(event);
    if (node) byId("lineage-said").textContent = named(node.i);
  });
  window.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("click", (event) => {
    const node = moved ? null : nearest(event);
    if (node) location.hash = `p${node.id}`;
  });
  canvas.addEventListener("dblclick", (event) => zoomBy(2, event.offsetX, event.offsetY));
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (event.key in steps) { graph.dx += steps[event.key][0]; graph.dy += steps[event.key][1]; drawLineage(); }
    else if (event.key === "+" || event.key === "=") zoomBy(1.4, canvas.clientWidth / 2, canvas.clientHeight / 2);
    else if (event.key === "-") zoomBy(0.7, canvas.clientWidth / 2, canvas.clientHeight / 2);
    else return;
    event.preventDefault();
  });
  for (const button of document.querySelectorAll("button[data-zoom]"))
    button.addEventListener("click", () => {
      const factor = Number(button.dataset.zoom);
      if (!factor) { graph.zoom = 1; graph.dx = graph.dy = 0; drawLineage(); }
      else zoomBy(factor, canvas.clientWidth / 2, canvas.clientHeight / 2);
    });
  for (const choice of document.querySelectorAll("select[data-graph]"))
    choice.addEventListener("change", () => { graph[choice.dataset.graph] = choice.value; drawLineage(); });
}

// -- the list of programs --------------------------------------------------------------------------------------------

const list = { by: "score", down: true, words: "", most: 100 };

function drawList() {
  const box = byId("programs-list");
  if (!box) return;
  const c = facts.columns;
  const words = list.words.toLowerCase();
  const values = { id: (i) => c.id[i], score: (i) => (c.score[i] === null ? -1e9 : c.score[i]), parent: (i) => c.parent[i] ?? -1e9,
    kind: (i) => facts.kinds[c.kind[i]], model: (i) => facts.models[c.model[i]], state: (i) => facts.states[c.state[i]] };
  const value = values[list.by];
  const rows = c.id.map((id, i) => i).filter((i) => !words || `${named(i)} ${c.idea[i]}`.toLowerCase().includes(words));
  rows.sort((p, q) => (value(p) < value(q) ? -1 : value(p) > value(q) ? 1 : c.id[p] - c.id[q]) * (list.down ? -1 : 1));
  const open = (i) => () => { location.hash = `p${c.id[i]}`; };
  const body = rows.slice(0, list.most).map((i) => make("tr", { class: "pick" + (c.id[i] === facts.best ? " best" : ""), tabindex: "0",
    "data-id": c.id[i], onclick: open(i), onkeydown: (event) => { if (event.key === "Enter") open(i)(); } },
    make("td", { class: "n" }, c.name[i] ? `${c.id[i]} ${c.name[i]}` : `${c.id[i]}`), make("td", { class: "n" }, shown(c.score[i])),
    make("td", {}, facts.states[c.state[i]]), make("td", { class: "n" }, c.parent[i] === null ? "" : `${c.parent[i]}`),
    make("td", {}, facts.kinds[c.kind[i]]), make("td", {}, facts.models[c.model[i]]), make("td", { class: "dim" }, c.idea[i])));
  byId("programs-count").textContent = `${Math.min(list.most, rows.length)} of ${rows.length} programs`;
  byId("programs-more").hidden = rows.length <= list.most;
  box.replaceChildren(...body);
}

function startList() {
  if (!byId("programs-list")) return;
  byId("programs-words").addEventListener("input", (event) => { list.words = event.target.value; list.most = 100; drawList(); });
  byId("programs-more").addEventListener("click", () => { list.most += 400; drawList(); });
  for (const button of document.querySelectorAll("button[data-by]"))
    button.addEventListener("click", () => {
      list.down = list.by === button.dataset.by ? !list.down : true;
      list.by = button.dataset.by;
      drawList();
    });
}

// -- several runs over each other ------------------------------------------------------------------------------------

let runsPlot = null;

function drawRuns() {
  const box = byId("runs-curve");
  if (!box || !facts.runs) return;
  const tables = facts.runs.map((run) => [run.curve.map((point) => point[axis === "at" ? 0 : axis === "minutes" ? 1 : 2]), run.curve.map((point) => point[3])]);
  const data = uPlot.join(tables);
  const line = { stroke: () => ink("--dim"), grid: { stroke: () => ink("--line"), width: 1 }, ticks: { stroke: () => ink("--line") } };
  if (runsPlot) runsPlot.destroy();
  runsPlot = new uPlot({
    width: Math.max(box.clientWidth, 280), height: 340, scales: { x: { time: false } },
    series: [{ label: AXES[axis] }, ...facts.runs.map((run, k) => ({ label: run.name, stroke: HUES[k % HUES.length], width: 2, spanGaps: true,
      paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }))],
    axes: [{ ...line, label: AXES[axis], labelSize: 22 }, { ...line, label: "best score on train", labelSize: 22, size: 56 }],
  }, data, box);
  box.dataset.series = String(facts.runs.length);
}

// -- all together ----------------------------------------------------------------------------------------------------

function drawAll() {
  if (facts.columns) {
    index();
    if (byId("lineage")) { layOut(); drawLineage(); }
    drawCurve();
    drawList();
  }
  drawRuns();
}

function fromHash() {
  const found = /^#p(-?\d+)$/.exec(location.hash);
  if (found) { against = null; openProgram(Number(found[1])); }
}

for (const button of document.querySelectorAll("button[data-axis]"))
  button.addEventListener("click", () => {
    axis = button.dataset.axis;
    for (const other of document.querySelectorAll("button[data-axis]")) other.setAttribute("aria-pressed", String(other === button));
    drawCurve();
    drawRuns();
  });
for (const cell of document.querySelectorAll("#where rect[data-column]"))
  cell.addEventListener("click", () => { location.hash = `p${facts.where[Number(cell.dataset.column)]}`; });
for (const code of document.querySelectorAll("pre.python .l")) {
  const sign = code.textContent.slice(0, 1), rest = code.textContent.slice(1);
  if (!code.classList.contains("hunk")) code.replaceChildren(sign, ...highlighted(rest));
}
startLineage();
startList();
drawAll();
window.addEventListener("hashchange", fromHash);
window.addEventListener("resize", () => { drawLineage(); drawCurve(); drawRuns(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawLineage(); drawCurve(); drawRuns(); });
fromHash();
document.body.dataset.ready = "1";
