"use strict";
// The figures stand in the page as JSON; names in them are made inert by the page's maker.
for (const data of document.querySelectorAll("script.figure-data")) {
  const figure = JSON.parse(data.textContent);
  const place = data.previousElementSibling;
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displayModeBar: false });
}

for (const button of document.querySelectorAll("button.csv")) {
  button.addEventListener("click", () => {
    const text = JSON.parse(button.parentElement.querySelector("script.csv-data").textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

// Without a choice the page follows the reader's system.
const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// Paper has a width of its own, and nobody can open a fold on it.
const PAPER = 660;
const opened = [];
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true;
    opened.push(fold);
  }
  for (const plot of document.querySelectorAll(".plot.js-plotly-plot"))
    if (plot.offsetParent) Plotly.relayout(plot, { width: Math.min(PAPER, plot.offsetWidth) });
});
addEventListener("afterprint", () => {
  for (const fold of opened.splice(0)) fold.open = false;
  for (const plot of document.querySelectorAll(".plot.js-plotly-plot")) Plotly.relayout(plot, { width: null, autosize: true });
});
