// One format for every number: true minus sign, tabular figures, formatters made once.
const MINUS = "\u2212";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const plain = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });
const percent = new Intl.NumberFormat("en-US", {
  style: "percent",
  signDisplay: "negative",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const ratio = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const minus = (text) => text.replace("-", MINUS);
const or = (format) => (value) => (value === null || value === undefined ? "–" : minus(format(value)));

/** A bound that stands for "beyond what is exact" is no amount. */
const BEYOND = 1e17;
const cents = (format) => (value) =>
  Math.abs(value) >= BEYOND ? "beyond range" : format(value / 100);

export const count = or((value) => whole.format(value));
export const usd = or(cents((value) => whole.format(value)));
export const usdExact = or(cents((value) => exact.format(value)));
export const usdShort = or(cents((value) => (Math.abs(value) < 1000 ? whole : short).format(value)));
/** A count with its noun. */
export const many = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
export const number = or((value) => plain.format(Number(value)));
export const pct = or((value) => percent.format(value));
export const times = or((value) => ratio.format(value));
export const signed = (format) => (value) => (value > 0 ? `+${format(value)}` : format(value));
/** Dollars as text, as tables have them, in cents. */
export const toCents = (text) => (text === null || text === undefined ? null : Math.round(Number(text) * 100));
export const dollars = (text) => usd(toCents(text));
export const dollarsExact = (text) => usdExact(toCents(text));

const pad = (value) => String(value).padStart(2, "0");
/** An instant of microseconds or text, in UTC; with its day unless that is the day shown. */
export function instant(value, day) {
  if (value === null || value === undefined) return "–";
  const at = typeof value === "number" ? new Date(value / 1000) : new Date(value);
  const date = at.toISOString().slice(0, 10);
  const time = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
  return date === day ? time : `${date} ${time}`;
}

/** A length of time in its two largest units. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? MINUS : "";
  if (size < 10) return `${sign}${size.toFixed(1)} s`;
  if (size < 60) return `${sign}${Math.floor(size)} s`;
  if (size < 3600) return `${sign}${Math.floor(size / 60)} m ${Math.floor(size % 60)} s`;
  if (size < 86400) return `${sign}${Math.floor(size / 3600)} h ${Math.floor((size % 3600) / 60)} m`;
  return `${sign}${Math.floor(size / 86400)} d ${Math.floor((size % 86400) / 3600)} h`;
}

const NAMES = {
  reg_t: "Reg T",
  portfolio_margin: "Portfolio margin",
  house: "House",
  cash: "Cash",
  ok: "OK",
  warning: "Warning",
  call: "Call",
  close_only: "Close-only",
  liquidation: "Liquidation",
  indeterminate: "Indeterminate",
};
export const word = (code) =>
  NAMES[code] ?? String(code ?? "–").replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());
export const words = (codes) => (codes ? codes.split(";").map((c) => c.replaceAll("_", " ")).join(", ") : "");
/** A name that carries a hyphen for a minus, such as that of a scenario. */
export const minusText = (text) => (text ? text.replace(/ -(\d)/, ` ${MINUS}$1`) : "–");
/** Time left to an instant in microseconds, or how long it is over. */
export function left(due, now) {
  if (due === null || due === undefined || now === null) return "–";
  const seconds = (due - now) / 1e6;
  return seconds < 0 ? `${span(-seconds)} over` : span(seconds);
}
