"use strict";
// Follows a run while it grows: asks for a line of state, and for all facts only when that line has changed. The longer
// the facts take, the more seldom they are asked for.

const LOOK_EVERY_MS = 2000;
let known = null;
let next = 0;

function showState(now) {
  const box = byId("live-state");
  const why = now.reason ? `: ${now.reason}` : "";
  box.replaceChildren(`${now.status}${why}, ${now.evaluations} evaluations `);
  if (now.questions) box.append(make("a", { href: `${live}/questions` }, `${now.questions} to be answered by you`));
  if (now.best !== null && byId("fact-best")) byId("fact-best").textContent = shown(now.best);
}

async function look() {
  try {
    const said = await fetch(`${live}/state.json`);
    if (!said.ok) throw new Error(`the server answers ${said.status}`);
    const now = await said.json();
    showState(now);
    const mark = `${now.evaluations} ${now.best} ${now.status}`;
    if (mark !== known && performance.now() >= next) {
      const began = performance.now();
      if (known !== null || facts.of < now.evaluations) {
        facts = await (await fetch(`${live}/facts.json`)).json();
        const at = document.activeElement;
        drawAll();
        if (at && at.isConnected) at.focus({ preventScroll: true });
      }
      known = mark;
      next = performance.now() + Math.max(LOOK_EVERY_MS, 20 * (performance.now() - began));
    }
    if (now.status !== "running" && mark === known) return;
  } catch (error) {
    byId("live-state").textContent = `not reached: ${error.message}`;
  }
  setTimeout(look, document.hidden ? 10 * LOOK_EVERY_MS : LOOK_EVERY_MS);
}

look();
