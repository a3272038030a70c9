"use strict";
// A slider chooses which layer's bars a figure shows; all of them are drawn, and hidden but for one.
for (const picker of document.querySelectorAll(".layer-picker")) {
  const range = picker.querySelector("input");
  const said = picker.querySelector("output");
  const names = JSON.parse(picker.querySelector("script.layer-names").textContent);
  const plot = picker.parentElement.querySelector(".plot");
  const traces = Number(range.dataset.traces);
  const say = () => {
    said.textContent = names[range.value];
    range.setAttribute("aria-valuetext", names[range.value]);
  };
  const show = () => {
    const chosen = Number(range.value);
    Plotly.restyle(plot, { visible: plot.data.map((_, place) => Math.floor(place / traces) === chosen) });
    say();
  };
  range.addEventListener("input", show);
  // A browser may have kept the slider's place from before the page was loaded again.
  if (range.value === range.defaultValue) say();
  else show();
  picker.hidden = names.length < 2;
}

// A figure that was drawn inside a closed fold knew no width.
for (const fold of document.querySelectorAll("details"))
  fold.addEventListener("toggle", () => {
    if (fold.open) for (const plot of fold.querySelectorAll(".plot")) Plotly.Plots.resize(plot);
  });
