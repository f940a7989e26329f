import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { fill, h, table } from "./dom.js";

use([AriaComponent, BarChart, GridComponent, HeatmapChart, LegendComponent, LineChart, MarkLineComponent, MarkPointComponent, SVGRenderer, TooltipComponent, VisualMapComponent]);

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Axes, text and tooltip as every chart has them. */
export function base() {
  // By its name: what measures text knows no inheritance, and would put labels over each other.
  const fontFamily = getComputedStyle(document.body).fontFamily;
  const text = { color: colour("muted"), fontFamily, fontSize: 12 };
  const line = { lineStyle: { color: colour("line") } };
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: text,
    grid: { left: 64, right: 16, top: 16, bottom: 28 },
    tooltip: {
      trigger: "axis",
      confine: true,
      renderMode: "html",
      backgroundColor: colour("panel"),
      borderColor: colour("line"),
      textStyle: { color: colour("ink"), fontSize: 12 },
    },
    axis: { axisLabel: text, axisLine: line, axisTick: line, splitLine: line, nameTextStyle: text },
  };
}

/** A chart that can also be read as a table. `shown` gives its option, columns and rows, or a sentence. */
export class Chart {
  constructor(title, unit, height = 220) {
    this.canvas = h("div", { class: "canvas", style: { height: `${height}px` }, role: "img", "aria-label": title });
    this.rows = h("div", { hidden: true });
    this.toggle = h("button", { type: "button", class: "quiet", onclick: () => this.flip() }, "Show as table");
    this.element = h(
      "section",
      { class: "panel chart" },
      h("h2", {}, title, h("small", {}, unit), this.toggle),
      this.canvas,
      this.rows,
    );
    this.title = title;
    this.observer = new ResizeObserver(() => this.made?.resize());
    this.observer.observe(this.canvas);
  }

  flip() {
    this.isTable = !this.isTable;
    this.rows.hidden = !this.isTable;
    this.canvas.hidden = this.isTable;
    this.toggle.textContent = this.isTable ? "Show as chart" : "Show as table";
    if (this.last) this.show(this.last);
  }

  show(shown) {
    // An answer may come when its page was left.
    if (this.isGone) return;
    this.last = shown;
    if (shown.none || this.isTable) {
      this.dispose();
      const target = this.isTable ? this.rows : this.canvas;
      fill(target, shown.none ? h("p", { class: "none" }, shown.none) : table(this.title, shown.columns, shown.rows));
      return;
    }
    if (!this.made) {
      fill(this.canvas);
      this.made = init(this.canvas, null, { renderer: "svg" });
      if (shown.click) this.made.on("click", shown.click);
    }
    this.made.setOption(shown.option, true);
  }

  dispose() {
    this.made?.dispose();
    this.made = null;
  }

  leave() {
    this.isGone = true;
    this.observer.disconnect();
    this.dispose();
  }
}
