"use strict";
// One measure of a training is shown at a time; the others are drawn when they are first chosen.
const measure = document.getElementById("measure");
const views = [...document.querySelectorAll(".measure")];

function show(name) {
  for (const view of views) {
    view.hidden = view.dataset.measure !== name;
    if (view.hidden) continue;
    for (const data of view.querySelectorAll("script.figure-later")) {
      const figure = JSON.parse(data.textContent);
      data.className = "figure-data";
      data.previousElementSibling.className = "plot";
      Plotly.newPlot(data.previousElementSibling, figure.data, figure.layout, { responsive: true, displayModeBar: false });
    }
    for (const plot of view.querySelectorAll(".plot")) Plotly.Plots.resize(plot);
  }
}

if (measure) {
  measure.addEventListener("change", () => show(measure.value));
  // A browser may keep a choice over a reload.
  show(measure.value);
}
