import * as fmt from "./format.js";
import { eventNow, store } from "./store.js";

/** Why margin calls of the newest cycle cannot be read; empty where they can. */
export const trouble = () => store.cycle?.deadlines?.trouble ?? "";

/** Minutes to a deadline; null where there is none. */
export const minutesLeft = (due) => (due === null || due === undefined ? null : (due - eventNow()) / 60e6);

/** Time left to a deadline. One that may have changed meanwhile bears a mark; none is then not known to be none. */
export function dueText(due, none = "–") {
  const isNone = due === null || due === undefined;
  if (trouble()) return isNone ? "? not known" : `? ${fmt.left(due, eventNow())}`;
  return isNone ? none : fmt.left(due, eventNow());
}

/** Of which cycle deadlines are, where it is not the newest. */
export function dueSentence() {
  if (!trouble()) return "";
  const { cycle } = store.cycle.deadlines;
  const known = cycle ? `Deadlines are those of cycle ${fmt.count(cycle)}` : "No deadline is known";
  return `Margin calls cannot be read: ${trouble()}. ${known}, and may have changed.`;
}
