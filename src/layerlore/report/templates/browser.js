// The interaction browser: what is picked is drawn from the JSON beside it. Names are hostile and become text only.
for (const section of document.querySelectorAll("section.browser")) {
  const OPS = ["AND", "OR"];
  const NEAR = 5;
  const LONG = 40;
  const data = JSON.parse(section.querySelector("script.browser-data").textContent);
  const find = (name) => section.querySelector("." + name);
  const pickers = Object.fromEntries(["sample", "layer", "op", "order", "sign"].map((what) => [what, find("pick-" + what)]));
  const lastPlace = data.shown.length - 1;
  const output = data.layers.length - 1;
  let all = false;

  const element = (made, attributes, children) => {
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const html = (tag, attributes = {}, ...children) => element(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    element(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  const signed = (value) => {
    const size = Math.abs(value);
    const shown = size >= 0.1 ? size.toFixed(2) : size.toPrecision(2);
    return (value < 0 ? "\u2212" : "+") + shown;
  };
  const exact = (value) => html("data", { value: String(value) }, signed(value));
  const named = (name) => html("span", { class: "name" }, name);
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const listed = (names) => names.length < 2 ? names.join("") : names.slice(0, -1).join(", ") + " and " + names.at(-1);

  /* What is picked, and the interactions to show of it. */
  function picked() {
    const sample = data.samples[Number(pickers.sample.value)];
    const place = Number(pickers.layer.value);
    const kept = sample.strongest[place].map(([number, first, begin, end, last]) => {
      const [op, coalition, course] = sample.found[number];
      const members = sample.players.map((_, player) => player).filter((player) => (coalition >> player) & 1);
      return { op, members, course, effect: course[place], first, begin, end, last };
    });
    const fitting = kept.filter((found) =>
      (pickers.op.value === "" || found.op === Number(pickers.op.value)) &&
      (pickers.order.value === "" || found.members.length === Number(pickers.order.value)) &&
      (pickers.sign.value === "" || Math.sign(found.effect) === Number(pickers.sign.value)));
    return { sample, place, kept, fitting, shown: all ? fitting : fitting.slice(0, data.cards), salient: sample.salient[place] };
  }

  const layerName = (place) => data.layers[data.shown[place]];
  const relative = (effect, place) => (data.units[place] === null ? null : effect / data.units[place]);
  const side = (effect) => (effect > 0 ? "for" : "against");
  const marked = (found) => `member ${side(found.effect)}${found.op ? " any" : ""}`;
  const kind = (found) => (found.members.length > 1 ? OPS[found.op] : "one player");

  /* The sample, once for all its players, or for those of one interaction. */
  function picture(sample, found, words) {
    const { width, height, source, outlines } = sample.picture;
    const members = found ? found.members : outlines.map((_, player) => player);
    const look = found ? `${side(found.effect)}${found.op ? " any" : ""}` : "player";
    const image = { width, height, href: source, preserveAspectRatio: "none" };
    if (Math.max(width, height) < 100) image.style = "image-rendering: pixelated";
    return svg("svg", { class: "picture", viewBox: `-0.15 -0.15 ${width + 0.3} ${height + 0.3}`, role: "img", "aria-label": words },
      svg("image", image),
      ...members.map((player) => svg("path", { class: "halo", d: outlines[player].path })),
      ...members.map((player) => svg("path", { class: look, d: outlines[player].path })),
      ...members.map((player) => {
        const { x, y, size } = outlines[player];
        return svg("text", { x, y, "font-size": 0.5 * size }, String(player));
      }));
  }

  function sentence(sample, found) {
    const member = (place) => found && found.members.includes(sample.sentence[place][1]);
    const near = (place) => sample.sentence.some((_, other) => Math.abs(other - place) <= NEAR && member(other));
    const whole = !found || sample.sentence.length <= LONG;
    const line = html("p", { class: "words" });
    let cut = false;
    sample.sentence.forEach(([text, player], place) => {
      if (!whole && !near(place)) {
        if (!cut) line.append("… ");
        cut = true;
        return;
      }
      cut = false;
      const look = member(place) ? marked(found) : !found && player >= 0 ? "player" : "rest";
      line.append(html("span", { class: look }, text), " ");
    });
    return line;
  }

  const value = (sample, player) => (sample.values ? sample.values[player] : "");
  const entry = (sample, player) => (sample.values ? ` ${sample.values[player]}` : "") + (player < sample.players.length - 1 ? ", " : "");

  function row(sample, found) {
    if (!found)
      return html("p", { class: "words" }, ...sample.players.flatMap((name, player) =>
        [html("span", { class: "rest" }, name), entry(sample, player)]));
    const cells = sample.players.map((name, player) => {
      const look = found.members.includes(player) ? marked(found) : "rest";
      return html("tr", { class: look }, html("th", { scope: "row", title: name }, name), html("td", {}, value(sample, player)));
    });
    return html("table", { class: "players" }, html("tbody", {}, ...cells));
  }

  function drawn(sample, found) {
    const who = found ? listed(found.members.map((player) => sample.players[player])) : "the sample with all of its players";
    if (sample.picture) return picture(sample, found, who);
    return sample.sentence ? sentence(sample, found) : row(sample, found);
  }

  /* Where an interaction appears and is last seen, in words. */
  function fate({ first, begin, end, last, course, effect }) {
    const at = (layer) => (layer === output ? ["at the output"] : ["in ", named(data.layers[layer])]);
    const birth = first === begin ? ["appears ", ...at(begin)] : ["first appears ", ...at(first), ", again ", ...at(begin)];
    if (end === output) return begin === output ? birth : [...birth, ", kept to the output"];
    if (last === output) return [...birth, ", lost after ", named(data.layers[end]), ", back at the output"];
    const turned = course[lastPlace] * effect < 0 ? "; at the output with the other sign" : ", then forgotten";
    if (end === last) return begin === end ? [...birth, " alone", turned] : [...birth, ", last seen ", ...at(last), turned];
    return [...birth, ", lost after ", named(data.layers[end]), ", last seen ", ...at(last), turned];
  }

  function bars(found, place) {
    const sizes = found.course.map((effect, at) => Math.abs(relative(effect, at) ?? 0));
    const scale = Math.max(...sizes) || 1;
    const count = found.course.filter((effect) => effect !== 0).length;
    const strip = svg("svg", { class: "life", viewBox: `0 0 ${10 * sizes.length} 40`, preserveAspectRatio: "none", role: "img",
      "aria-label": `salient in ${count} of ${plural(sizes.length, "layer")}` });
    found.course.forEach((effect, at) => {
      const height = effect === 0 ? 2 : Math.max(3, (19 * sizes[at]) / scale);
      const y = effect > 0 ? 20 - height : effect < 0 ? 20 : 19;
      const unit = relative(effect, at);
      const said = effect === 0 ? "not salient" : unit === null ? `${signed(effect)}` : `${signed(unit)} units of the layer`;
      const cell = svg("g", { class: at === place ? "here" : "there" },
        svg("rect", { class: "cell", x: 10 * at, y: 0, width: 10, height: 40 }),
        svg("rect", { class: effect === 0 ? "none" : side(effect), x: 10 * at + (effect === 0 ? 4 : 1.5), y, width: effect === 0 ? 2 : 7, height }),
        svg("title", {}, `${layerName(at)}: ${said}`));
      cell.addEventListener("click", () => choose("layer", at));
      strip.append(cell);
    });
    return strip;
  }

  function card(sample, found, place) {
    const unit = relative(found.effect, place);
    const order = found.members.length > 1 ? ` of ${found.members.length}` : "";
    const head = html("p", { class: "head" }, html("b", {}, kind(found), order), html("b", { class: side(found.effect) }, exact(found.effect)));
    const units = unit === null ? ["the unit of the layer is 0"] : [exact(unit), " units"];
    return html("li", { class: "card" }, html("div", { class: "drawn" }, drawn(sample, found)),
      html("div", { class: "told" }, head, html("p", { class: "quiet" }, ...units, "; ", ...fate(found)), bars(found, place)));
  }

  function whole(sample) {
    const told = html("div", { class: "told" }, html("p", { class: "quiet" }, `All ${sample.players.length} players, by number.`));
    return html("li", { class: "card whole" }, html("div", { class: "drawn" }, drawn(sample, null)), told);
  }

  function said({ sample, place, kept, fitting, shown, salient }) {
    const start = sample.words[0].toUpperCase() + sample.words.slice(1);
    const where = place === lastPlace ? "at the output" : `in ${layerName(place)}`;
    if (!salient) return `${start}: nothing is salient ${where}.`;
    const every = plural(salient, "salient interaction");
    if (fitting.length === kept.length) {
      const many = shown.length < salient ? `the ${shown.length} strongest of ${every}` : every;
      return `${start}: ${many} ${where}.`;
    }
    const many = kept.length < salient ? `the ${kept.length} strongest of ${every}` : every;
    const some = shown.length < fitting.length ? `, ${shown.length} shown` : "";
    return `${start}: of ${many} ${where}, ${fitting.length || "none"} of this kind${some}.`;
  }

  function show() {
    const now = picked();
    const cards = now.shown.map((found) => card(now.sample, found, now.place));
    find("said").textContent = said(now);
    if (now.sample.picture) cards.unshift(whole(now.sample));
    else find("sample").replaceChildren(drawn(now.sample, null));
    find("cards").replaceChildren(...cards);
    find("more").hidden = now.fitting.length <= data.cards;
    find("more").textContent = all ? "show fewer" : `show ${now.fitting.length - now.shown.length} more`;
    [...find("thumbs").children].forEach((thumb, at) => thumb.classList.toggle("picked", at === Number(pickers.sample.value)));
    for (const step of section.querySelectorAll("button[data-picks]")) {
      const choice = find(step.dataset.picks);
      const next = choice.selectedIndex + Number(step.dataset.by);
      step.disabled = next < 0 || next >= choice.length;
    }
  }

  function choose(what, at) {
    pickers[what].selectedIndex = at;
    show();
  }

  // A spreadsheet would compute a cell that begins like a formula.
  const guarded = (cell) => (typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? "'" + cell : String(cell));
  const quoted = (cell) => (/[",\r\n]/.test(guarded(cell)) ? `"${guarded(cell).replaceAll('"', '""')}"` : guarded(cell));

  function table() {
    const { sample, place, shown } = picked();
    const rows = shown.map((found) => [
      sample.sample, layerName(place), OPS[found.op].toLowerCase(), found.members.length, found.members.join(" "),
      found.members.map((player) => sample.players[player]).join("; "), found.effect, relative(found.effect, place) ?? "",
      data.layers[found.first], data.layers[found.last]]);
    const names = ["sample", "layer", "op", "order", "players", "names", "effect", "relative_effect", "first", "last"];
    return [names, ...rows].map((cells) => cells.map(quoted).join(",") + "\r\n").join("");
  }

  for (const choice of Object.values(pickers)) choice.addEventListener("change", show);
  for (const step of section.querySelectorAll("button[data-picks]"))
    step.addEventListener("click", () => {
      find(step.dataset.picks).selectedIndex += Number(step.dataset.by);
      show();
    });
  find("more").addEventListener("click", () => {
    all = !all;
    show();
  });
  find("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = `interactions-sample-${picked().sample.sample}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  if (data.samples.length > 1 && data.samples.every((sample) => sample.picture))
    data.samples.forEach((sample, at) => {
      const { width, height, source } = sample.picture;
      const thumb = svg("svg", { viewBox: `0 0 ${width} ${height}` },
        svg("image", { width, height, href: source, preserveAspectRatio: "none" }), svg("title", {}, sample.words));
      thumb.addEventListener("click", () => choose("sample", at));
      find("thumbs").append(thumb);
    });
  section.classList.add(data.samples[0].picture ? "pictures" : data.samples[0].sentence ? "sentences" : "rows");
  find("pickers").hidden = false;
  show();
}
