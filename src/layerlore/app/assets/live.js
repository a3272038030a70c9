"use strict";
// Two things that Dash leaves out: a title for each page, and a word when the server no longer answers.
{
  const ask = window.fetch.bind(window);
  const say = (words) => {
    const place = document.getElementById("silence");
    place.hidden = !words;
    place.textContent = words;
  };
  let last = new Date();
  window.fetch = async (...request) => {
    try {
      const answer = await ask(...request);
      if (answer.ok) last = new Date();
      say(answer.ok ? "" : `The server refuses to answer (${answer.status}). What is shown is of ${last.toLocaleTimeString()}.`);
      return answer;
    } catch (error) {
      say(`The server does not answer. What is shown is of ${last.toLocaleTimeString()}.`);
      throw error;
    }
  };
  new MutationObserver(() => {
    const heading = document.querySelector("h1");
    if (heading && document.title !== `LayerLore: ${heading.textContent}`) document.title = `LayerLore: ${heading.textContent}`;
  }).observe(document.body || document.documentElement, { childList: true, subtree: true });
}
