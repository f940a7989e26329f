import { h } from "./dom.js";
import { word, words } from "./format.js";

/** The one scale of every page, least first: a glyph and a word, and only then a colour. */
export const LEVELS = ["ok", "warning", "call", "close_only", "liquidation"];
const GLYPHS = { ok: "○", warning: "△", call: "◆", close_only: "■", liquidation: "✖", indeterminate: "?" };

export const glyph = (level) => h("span", { class: `glyph s-${level}`, "aria-hidden": "true" }, GLYPHS[level]);

export function badge(level, isIndeterminate, reasons) {
  return h(
    "span",
    { class: `state s-${level}` },
    glyph(level),
    word(level),
    isIndeterminate
      ? h("span", { class: "unknown", title: words(reasons) }, "?", h("span", { class: "unseen" }, ` indeterminate: ${words(reasons)}`))
      : null,
  );
}

/** What each level means, with the numbers of the rulebook in force. */
export function legend(about) {
  const { ladder, stress, effective } = about.rulebook;
  const share = (value) => `${+(value * 100).toFixed(2)}%`;
  const meaning = {
    ok: `excess at least ${share(ladder.warning_below)} of gross value; back to it at ${share(ladder.warning_ends_at)}`,
    warning: `excess below ${share(ladder.warning_below)} of gross value`,
    call: "excess below 0, or equity below its minimum",
    close_only: `under water at ${stress.benchmark} ${stress.restricts_at_percent}% or worse, or a call open ${ladder.overdue_minutes} minutes`,
    liquidation: `equity exhausted, or after ${ladder.liquidation_minutes} minutes more than ${share(ladder.liquidation_deficiency)} of the requirement lacking`,
    indeterminate: "an input is missing: figures are bounds, and shown beside the level",
  };
  return h(
    "details",
    { class: "legend" },
    h("summary", {}, `Severity, by the house rulebook of ${effective}`),
    h("dl", {}, Object.entries(meaning).map(([level, text]) => h("div", {}, h("dt", {}, glyph(level), word(level)), h("dd", {}, text)))),
  );
}
