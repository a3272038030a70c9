"use strict";
// The figures stand in the page as JSON; names in them are made inert by the page's maker.
for (const data of document.querySelectorAll("script.figure-data")) {
  const figure = JSON.parse(data.textContent);
  const place = data.previousElementSibling;
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displayModeBar: false });
}
