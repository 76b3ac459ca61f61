"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const options = (select, names) => select.replaceChildren(...names.map((name, i) => {
    const option = make("option", "", name);
    option.value = i;
    return option;
  }));
  const three = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
  let group = 0;

  // Light and dark: the system's choice until the button is pressed.
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const setTheme = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").setAttribute("aria-pressed", String(dark));
  };
  setTheme(prefersDark.matches);
  prefersDark.addEventListener("change", (event) => { setTheme(event.matches); drawCharts(); });
  byId("theme").addEventListener("click", () => {
    setTheme(document.documentElement.dataset.theme !== "dark");
    drawCharts();
  });

  // The table: sort by a heading, filter by words.
  const cellValue = (row, place, numeric) => {
    const cell = row.cells[place];
    return numeric ? Number(cell.dataset.value) : cell.textContent.trim().toLowerCase();
  };
  const sortBy = (heading) => {
    const numeric = heading.dataset.kind === "num";
    const was = heading.getAttribute("aria-sort");
    const ascending = was ? was === "descending" : !numeric || heading.textContent.trim() === "rank";
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = heading.closest("table").tBodies[0];
    const rows = [...body.rows].sort((one, two) => {
      const [a, b] = [cellValue(one, heading.cellIndex, numeric), cellValue(two, heading.cellIndex, numeric)];
      return (a < b ? -1 : a > b ? 1 : 0) * (ascending ? 1 : -1);
    });
    body.append(...rows);
  };
  for (const heading of document.querySelectorAll(".board thead th")) {
    heading.querySelector("button").addEventListener("click", () => sortBy(heading));
  }
  byId("filter").addEventListener("input", () => {
    const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const section of document.querySelectorAll(".suite")) {
      const rows = [...section.querySelectorAll("tbody tr")];
      for (const row of rows) {
        const text = row.dataset.text.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      section.querySelector(".none").hidden = rows.some((row) => !row.hidden);
    }
    drawHeat();
  });
  const visible = () => {
    const shown = [...document.querySelectorAll(".suite")][group].querySelectorAll("tbody tr:not([hidden])");
    const places = new Set([...shown].map((row) => Number(row.dataset.place)));
    return data.groups[group].rows.filter((row, place) => places.has(place));
  };

  // Scores by entry.
  const drawHeat = () => {
    const { entries, scores } = data.groups[group];
    const score = scores[byId("score").value] || "answer";
    const head = make("tr");
    head.append(make("td"), ...entries.map((entry) => {
      const cell = make("th", "", entry.name);
      cell.scope = "col";
      return cell;
    }));
    const thead = make("thead");
    thead.append(head);
    const body = make("tbody");
    for (const row of visible()) {
      const line = make("tr");
      const name = make("th", "", row.name);
      name.scope = "row";
      line.append(name, ...row.scores[score].map((mean) => {
        const cell = make("td", "", mean ? three(mean[0]) : "–");
        if (mean) {
          cell.style.setProperty("--v", Math.max(0, Math.min(1, mean[0])));
          if (mean.length > 1) cell.title = `95 % interval ${three(mean[1])} … ${three(mean[2])}`;
        }
        return cell;
      }));
      body.append(line);
    }
    byId("heat").replaceChildren(make("caption", "hidden", `${score} by entry`), thead, body);
  };

  // Charts.
  const palette = ["#4c78d8", "#e07b39", "#3fa66b", "#c44e7a", "#8d6fd1", "#b8902a", "#2aa3b8", "#8c8c8c", "#d1495b", "#6b8e23"];
  const colours = (names) => ({ domain: names, range: names.map((_, i) => palette[i % palette.length]) });
  const style = () => ({ background: "transparent", color: "currentColor", fontSize: "12px" });
  const put = (id, chart, label) => {
    const svg = chart.matches("figure") ? chart.querySelector(":scope > svg") : chart;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    byId(id).replaceChildren(chart);
  };
  const nothing = (id, text) => byId(id).replaceChildren(make("p", "none", text));
  const width = (id) => Math.max(300, Math.min(640, byId(id).clientWidth || 300));

  const drawCost = () => {
    const rows = data.groups[group].rows.filter((row) => row.mean && row.tokens);
    if (!rows.length) return nothing("cost", "No row has both a score and a cost.");
    const points = rows.map((row) => ({ name: row.name, x: row.tokens, y: row.mean[0], low: row.mean[1], high: row.mean[2], ceiling: row.ceiling, front: row.front }));
    points.sort((a, b) => a.y - b.y);
    const upper = points.filter((point, i) => i % 2);
    const lower = points.filter((point, i) => !(i % 2));
    const front = points.filter((point) => point.front).sort((a, b) => a.x - b.x);
    const spread = Math.max(...points.map((p) => p.x)) / Math.min(...points.map((p) => p.x));
    put("cost", Plot.plot({
      width: width("cost"), height: 340, marginLeft: 46, marginBottom: 42, marginRight: 90, style: style(),
      x: { type: spread > 8 ? "log" : "linear", label: "tokens for an episode →", tickFormat: "~s", grid: true, ticks: 5, nice: true },
      y: { label: "↑ score", domain: [0, Math.min(1, 1.1 * Math.max(...points.map((p) => p.high || p.y)) || 1)], grid: true },
      marks: [
        Plot.line(front, { x: "x", y: "y", curve: "step-after", stroke: "#3fa66b", strokeWidth: 1.5, strokeDasharray: "4,3" }),
        Plot.ruleX(points.filter((p) => p.low !== undefined), { x: "x", y1: "low", y2: "high", strokeOpacity: 0.5 }),
        Plot.dot(points, { x: "x", y: "y", r: 5, fill: (p) => (p.ceiling ? "#8c8c8c" : p.front ? "#3fa66b" : "#4c78d8"), stroke: "var(--card)", title: (p) => `${p.name}\nscore ${three(p.y)}\n${Math.round(p.x)} tokens for an episode` }),
        ...[[upper, -7], [lower, 7]].map(([some, dy]) => Plot.text(some, { x: "x", y: "y", text: (p) => (p.name.length > 22 ? `${p.name.slice(0, 21)}…` : p.name), dx: 9, dy, textAnchor: "start", fill: "currentColor", stroke: "var(--card)", strokeWidth: 3 })),
      ],
    }), "Score of each policy against the tokens of an episode");
  };

  const lengths = (task) => new Set(data.groups[group].entries.flatMap((entry) => (entry.task === task && entry.context ? [Math.round(entry.context)] : [])));
  const tasks = () => [...new Set(data.groups[group].entries.map((entry) => entry.task))].filter((task) => lengths(task).size > 1);
  const drawLength = () => {
    const { entries, rows } = data.groups[group];
    byId("length-section").hidden = !tasks().length;
    if (!tasks().length) return;
    const task = tasks()[byId("task").value] || tasks()[0];
    const points = rows.flatMap((row) => entries.flatMap((entry, i) => {
      const mean = row.scores.answer[i];
      return entry.task === task && entry.context && mean ? [{ name: row.name, entry: entry.name, x: entry.context, y: mean[0] }] : [];
    }));
    const names = rows.map((row) => row.name);
    const log = Math.max(...points.map((p) => p.x)) > 3 * Math.min(...points.map((p) => p.x));
    const means = d3.rollups(points, (some) => d3.mean(some, (p) => p.y), (p) => p.name, (p) => p.x)
      .flatMap(([name, found]) => found.map(([x, y]) => ({ name, x, y })))
      .sort((a, b) => a.x - b.x);
    put("length", Plot.plot({
      width: width("length"), height: 340, marginLeft: 46, marginBottom: 42, style: style(), color: { ...colours(names), legend: true },
      x: { type: log ? "log" : "linear", label: "context in tokens →", tickFormat: "~s", grid: true, ticks: 5 },
      y: { label: "↑ score", domain: [0, 1], grid: true },
      marks: [
        Plot.line(means, { x: "x", y: "y", z: "name", stroke: "name", strokeWidth: 2 }),
        Plot.dot(points, { x: "x", y: "y", fill: "name", r: 4, title: (p) => `${p.name}\n${p.entry}: ${three(p.y)}\n${Math.round(p.x)} tokens` }),
      ],
    }), `Score over context length on ${task}`);
  };

  const places = ["right", "never extracted", "not stored", "overwritten", "not retrieved", "not replaced", "not used", "no abstention", "unknown"];
  const shades = ["#3fa66b", "#c0392b", "#e07b39", "#b8902a", "#4c78d8", "#2aa3b8", "#8d6fd1", "#c44e7a", "#8c8c8c"];
  const drawLoss = () => {
    const rows = data.groups[group].rows;
    const bars = rows.flatMap((row) => {
      const counts = { right: row.right, ...row.losses };
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      return total ? places.filter((place) => counts[place]).map((place) => ({ name: row.name, place, share: counts[place] / total, count: counts[place] })) : [];
    });
    byId("loss-section").hidden = !bars.length;
    if (!bars.length) return;
    const names = rows.map((row) => row.name);
    put("loss", Plot.plot({
      width: width("loss"), height: 72 + 30 * new Set(bars.map((bar) => bar.name)).size, marginLeft: 150, marginBottom: 42, style: style(),
      color: { domain: places, range: shades, legend: true }, x: { label: "share of the answers →", percent: true, domain: [0, 100] },
      y: { label: null, domain: names.filter((name) => bars.some((bar) => bar.name === name)), tickFormat: (name) => (name.length > 18 ? `${name.slice(0, 17)}…` : name) },
      marks: [Plot.barX(bars, { x: "share", y: "name", fill: "place", order: places, title: (bar) => `${bar.name}\n${bar.place}: ${bar.count}`, insetTop: 3, insetBottom: 3 })],
    }), "For each policy, where wrong answers were lost");
  };

  const drawCurves = () => {
    byId("curve-section").hidden = !data.curves.length;
    if (!data.curves.length) return;
    const points = data.curves.flatMap((curve) => curve.points.map(([x, y]) => ({ name: curve.name, x, y })));
    put("curve", Plot.plot({
      width: width("curve"), height: 340, marginLeft: 46, marginBottom: 42, style: style(), color: { ...colours(data.curves.map((curve) => curve.name)), legend: true },
      x: { label: "step →", grid: true }, y: { label: `↑ ${[...new Set(data.curves.map((curve) => curve.score))].join(", ")}`, grid: true },
      marks: [Plot.line(points, { x: "x", y: "y", z: "name", stroke: "name", strokeWidth: 2, title: "name" })],
    }), "Learning curves of the training runs");
  };
  const drawCharts = () => { drawCost(); drawLength(); drawLoss(); drawCurves(); };

  // The viewer.
  const text = (place) => (place < 0 ? "" : data.texts[place]);
  let episode = null;
  let at = 0;
  const rowAt = () => data.groups[group].rows[byId("v-row").value];
  const ofEntry = () => {
    const chosen = byId("v-entry").selectedOptions[0];
    return chosen ? rowAt().trajectories.filter((one) => one.entry === Number(chosen.dataset.entry)) : [];
  };
  const chooseRow = () => {
    const { entries } = data.groups[group];
    const row = rowAt();
    const known = [...new Set(row.trajectories.map((one) => one.entry))];
    const before = byId("v-entry").selectedOptions[0]?.textContent;
    options(byId("v-entry"), known.map((place) => entries[place].name));
    [...byId("v-entry").options].forEach((option, i) => { option.dataset.entry = known[i]; });
    const same = known.findIndex((place) => entries[place].name === before);
    byId("v-entry").selectedIndex = known.length ? Math.max(0, same) : -1;
    byId("v-none").textContent = known.length ? row.why.join("; ") : row.why.join("; ") || "No episode of this policy was replayed for the page.";
    byId("v-none").hidden = !byId("v-none").textContent;
    byId("viewer").hidden = !known.length;
    chooseEntry();
  };
  const chooseEntry = () => {
    const some = ofEntry();
    options(byId("v-episode"), some.map((one) => `${one.index}: ${text(one.id)}`));
    chooseEpisode();
  };
  const chooseEpisode = () => {
    episode = ofEntry()[Math.max(0, byId("v-episode").selectedIndex)] || null;
    if (!episode) return;
    at = 0;
    byId("at").max = episode.steps.length - 1;
    byId("strip").replaceChildren(...episode.steps.map((step) => make("i", isWrong(step) ? "bad" : step.changes ? "changed" : step.question !== undefined ? "asked" : "")));
    showStep();
  };
  const isWrong = (step) => step.score !== undefined && step.score < 0.5;
  const memoryAt = (number) => {
    let lines = []; // of a text, as they stand
    const records = new Map(); // of a bank, by the changes up to here
    for (const step of episode.steps.slice(0, number + 1)) {
      lines = step.memory || lines;
      for (const [op, id, , now, gold] of step.changes || []) {
        if (op === "DELETE") records.delete(id);
        else if (id) records.set(id, [id, now, gold]);
      }
    }
    return records.size ? [...records.values()] : lines;
  };
  const mark = (node, kinds) => node.prepend(...kinds.map(([className, name]) => make("span", `mark ${className}`, name)));

  const showObservation = (step) => {
    const nodes = step.blocks.map(([tag, label, body, gold]) => {
      const shown = step.relevantIds && step.relevantIds.has(text(label).split(" · ")[0]) && tag === "memory";
      const node = make("div", `item${gold || shown ? " is-gold" : ""}`);
      node.append(make("small", "", [tag, text(label)].filter(Boolean).join(" ")), text(body));
      if (gold || shown) mark(node, [["gold", "gold evidence"]]);
      return node;
    });
    byId("observation").replaceChildren(...(nodes.length ? nodes : [make("p", "none", "Nothing but the memory.")]));
    byId("observation").scrollTop = 0;
  };
  const pretty = (action) => {
    try { return JSON.stringify(JSON.parse(action), null, 1); } catch { return action; }
  };
  const showAction = (step) => {
    const nodes = [make("p", "sub", step.agent ? "by the policy" : "by the environment")];
    nodes.push(make("pre", "act", pretty(text(step.action)) || "(nothing)"));
    if (step.error !== undefined) nodes.push(make("p", "error", `not usable: ${text(step.error)}`));
    byId("action").replaceChildren(...nodes);
  };
  const showMemory = (step, memory) => {
    const changes = step.changes || [];
    const changed = new Map(changes.filter(([, id]) => id).map(([op, id, old]) => [id, [op, old]]));
    const added = changes.filter(([op, id]) => op === "ADD" && !id).map(([, , , now]) => now);
    const shown = new Set(step.phase === "answer" || step.phase === "retrieve" ? step.shown : []);
    const cited = new Set(step.cited || []);
    const relevant = new Set(step.relevant || []);
    const nodes = memory.map(([id, body, gold], i) => {
      const [op, old] = changed.get(id) || [!id && added.includes(body) ? "ADD" : "", -1];
      const marks = [];
      if (op === "ADD") marks.push(["add", "added"]);
      if (op === "UPDATE") marks.push(["update", "updated"]);
      if (shown.has(id)) marks.push(["shown", step.phase === "answer" ? "retrieved" : "found"]);
      if (cited.has(id)) marks.push(["cited", "cited"]);
      const isGold = step.relevant ? relevant.has(i) : gold;
      if (isGold) marks.push(["gold", "gold evidence"]);
      const node = make("div", `item${op ? ` is-${op.toLowerCase()}` : ""}${shown.has(id) ? " is-shown" : ""}${isGold ? " is-gold" : ""}`);
      if (id) node.append(make("small", "", id));
      if (op === "UPDATE") node.append(make("del", "", text(old)));
      node.append(text(body));
      mark(node, marks);
      return [shown.has(id) ? 0 : isGold ? 1 : 2, i, node];
    });
    if (step.relevant) nodes.sort((one, two) => one[0] - two[0] || one[1] - two[1]);
    const gone = changes.filter(([op]) => op === "DELETE").map(([, id, old]) => {
      const node = make("div", "item is-delete", text(old));
      if (id) node.prepend(make("small", "", id));
      mark(node, [["delete", "deleted"]]);
      return node;
    });
    byId("size").textContent = memory.length ? `(${memory.length})` : "";
    const all = [...gone, ...nodes.map(([, , node]) => node)];
    byId("memory").replaceChildren(...(all.length ? all : [make("p", "none", "Empty.")]));
    const first = byId("memory").querySelector(".is-add, .is-update, .is-delete, .is-shown");
    byId("memory").scrollTop = first ? Math.max(0, first.offsetTop - byId("memory").offsetTop - 8) : 0;
  };
  const showVerdict = (step) => {
    if (step.question === undefined) return byId("verdict").replaceChildren();
    const node = make("div", `verdict${isWrong(step) ? " bad" : ""}`);
    node.append(
      make("p", "", `Question: ${text(step.question)}`),
      make("p", "", `Answer: ${text(step.answer) || "(none)"}`),
      make("p", "", `Right: ${step.gold.map(text).join(" · ")}`),
      make("p", "", `Score ${three(step.score)}${step.lost ? ` — lost: ${step.lost}` : ""}`),
    );
    return byId("verdict").replaceChildren(node);
  };
  const showStep = () => {
    const step = episode.steps[at];
    const memory = memoryAt(at);
    step.relevantIds = step.relevant && new Set(step.relevant.map((i) => memory[i] && memory[i][0]).filter(Boolean));
    byId("at").value = at;
    const said = `Step ${at + 1} of ${episode.steps.length}: ${step.phase}`;
    byId("at").setAttribute("aria-valuetext", said);
    byId("where").textContent = said + (episode.differs ? " — the replay differs from the file" : "");
    byId("prev").disabled = at === 0;
    byId("next").disabled = at === episode.steps.length - 1;
    byId("wrong").disabled = !episode.steps.some(isWrong);
    [...byId("strip").children].forEach((mark_, i) => mark_.classList.toggle("here", i === at));
    showObservation(step);
    showAction(step);
    showMemory(step, memory);
    showVerdict(step);
  };
  const go = (to) => {
    if (!episode) return;
    at = Math.max(0, Math.min(episode.steps.length - 1, to));
    showStep();
  };
  byId("prev").addEventListener("click", () => go(at - 1));
  byId("next").addEventListener("click", () => go(at + 1));
  byId("at").addEventListener("input", () => go(Number(byId("at").value)));
  byId("strip").addEventListener("click", (event) => go([...byId("strip").children].indexOf(event.target)));
  byId("wrong").addEventListener("click", () => {
    const wrong = episode.steps.flatMap((step, i) => (isWrong(step) ? [i] : []));
    go(wrong.find((i) => i > at) ?? wrong[0] ?? at);
  });
  byId("view").addEventListener("keydown", (event) => {
    if (/^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: Infinity }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  });
  byId("v-row").addEventListener("change", chooseRow);
  byId("v-entry").addEventListener("change", chooseEntry);
  byId("v-episode").addEventListener("change", chooseEpisode);

  // All of it, for one suite.
  const chooseGroup = (number) => {
    group = number;
    for (const section of document.querySelectorAll(".suite")) section.hidden = Number(section.dataset.group) !== group;
    options(byId("score"), data.groups[group].scores);
    options(byId("task"), tasks());
    options(byId("v-row"), data.groups[group].rows.map((row) => row.name));
    const first = data.groups[group].rows.findIndex((row) => row.trajectories.length && !row.ceiling);
    byId("v-row").value = Math.max(0, first);
    drawHeat();
    drawCharts();
    chooseRow();
  };
  byId("suite")?.addEventListener("change", () => chooseGroup(Number(byId("suite").value)));
  byId("score").addEventListener("change", drawHeat);
  byId("task").addEventListener("change", drawLength);
  let resizing;
  window.addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(drawCharts, 150); });
  chooseGroup(0);
})();
