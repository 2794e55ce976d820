// Dashboards' charts, loaded by pages that have one: ECharts with the modules our tiles use, no more.
import { BarChart, LineChart, PieChart } from "echarts/charts";
import { AriaComponent, DatasetComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { fixed, grouped, shift, trimmed } from "./lib/numbers.js";
import { amount, inMany } from "./lib/unit.js";

use([
  AriaComponent, BarChart, CanvasRenderer, DatasetComponent, GridComponent, LegendComponent, LineChart, PieChart,
  TooltipComponent,
]);

// Few, ordered, told apart by colour-blind eyes, and each 3:1 against both grounds.
const LIGHT = ["#0f5f78", "#d97b1f", "#5a9a6f", "#7a5ea8", "#b04a5a", "#6f7b83"];
const DARK = ["#5cb8d3", "#f0a450", "#7fc498", "#ab92d8", "#e08493", "#9aa7b0"];

function figure(data, value) {
  if (value === null || value === undefined || value === "-") return "–";
  const text = String(value);
  if (data.percent) return `${grouped(trimmed(shift(text, -2, 1)))} %`;
  if (data.money) return amount(text);
  return grouped(fixed(text, data.scale));
}

/** A figure with little room: on an axis, at a bar. One unit for the whole chart. */
function short(data, value) {
  const many = data.money && inMany();
  if (!value) return value === 0 ? "0" : "–";
  const n = many ? value / 1e4 : value;
  if (data.percent) return `${Math.round(n * 100)} %`;
  const most = Math.max(...data.series.flatMap((one) => one.values.map((v) => Math.abs(Number(v)))));
  const steps = document.documentElement.lang.startsWith("zh") ? [[1e9, 1e8, "亿"], [1e5, 1e4, "万"]] : [[1e9, 1e9, "B"], [1e6, 1e6, "M"]];
  const step = many ? undefined : steps.find(([from]) => most >= from);
  if (step) return `${grouped(String(+(n / step[1]).toFixed(step[1] === 1e4 ? 1 : 2)))}${step[2]}`;
  return grouped(String(+n.toFixed(2)));
}

function options(data, place) {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const muted = style.getPropertyValue("--muted").trim();
  const line = style.getPropertyValue("--line").trim();
  const paper = style.getPropertyValue("--paper").trim();
  const dark = document.documentElement.dataset.bsTheme === "dark";
  const font = getComputedStyle(document.body).fontFamily;
  const base = {
    animation: false,
    color: dark ? DARK : LIGHT,
    textStyle: { fontFamily: font, color: ink },
    aria: { enabled: true },
    tooltip: {
      trigger: data.kind === "donut" ? "item" : "axis",
      renderMode: "richText",
      backgroundColor: paper,
      borderColor: line,
      textStyle: { color: ink, fontSize: 13 },
      axisPointer: { type: data.kind === "line" ? "line" : "shadow", lineStyle: { color: muted }, shadowStyle: { opacity: 0.06 } },
      valueFormatter: (value) => figure(data, value),
    },
    legend: data.series.length > 1 || data.kind === "donut"
      ? { top: 0, left: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", textStyle: { color: muted, fontSize: 12 }, type: "plain" }
      : { show: false },
  };
  const exact = (value) => (value === null || value === undefined ? null : Number(value));
  if (data.kind === "donut") {
    const values = data.series[0]?.values ?? [];
    return {
      ...base,
      legend: { ...base.legend, orient: "vertical", top: "middle", left: "62%", formatter: (name) => `${name}  ${figure(data, values[data.categories.indexOf(name)])}` },
      series: [{
        type: "pie", radius: ["52%", "78%"], center: ["30%", "50%"], label: { show: false },
        itemStyle: { borderColor: paper, borderWidth: 1.5 },
        data: data.categories.map((name, at) => ({ name, value: exact(values[at]) })),
      }],
    };
  }
  const categories = { type: "category", data: data.categories, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { color: muted, fontSize: 12, overflow: "truncate", width: data.flat ? (place.clientWidth > 700 ? 180 : 96) : undefined, hideOverlap: data.categories.length <= 12, interval: data.categories.length > 12 && data.kind !== "line" ? 0 : "auto", rotate: data.categories.length > 12 && data.kind !== "line" && !data.flat ? 38 : 0 } };
  const values = { type: "value", splitNumber: 4, splitLine: { lineStyle: { color: line } }, axisLabel: { color: muted, fontSize: 12, formatter: (value) => short(data, value), hideOverlap: true } };
  const type = data.kind === "line" ? "line" : "bar";
  return {
    ...base,
    grid: { left: 4, right: 12, top: data.series.length > 1 ? 34 : 12, bottom: 2, containLabel: true },
    xAxis: data.flat ? values : categories,
    yAxis: data.flat ? { ...categories, inverse: true } : values,
    series: data.series.map((one, at) => ({
      name: one.name,
      type,
      stack: data.kind === "stacked" ? "all" : undefined,
      data: one.values.map(exact),
      barMaxWidth: 22,
      symbolSize: 6,
      connectNulls: true,
      symbol: ["circle", "rect", "triangle", "diamond"][at % 4],
      lineStyle: { width: 2, type: ["solid", "dashed", "dotted"][Math.floor(at / 2) % 3] },
      label: data.flat && data.series.length === 1 ? { show: true, position: "right", color: ink, fontSize: 12, formatter: (p) => short(data, p.value) } : undefined,
    })),
  };
}

function draw(place) {
  const box = place.closest("figure");
  const data = JSON.parse(box.querySelector("script[type='application/json']").textContent);
  place.hidden = false;
  if (data.flat) place.style.height = `${Math.max(120, 30 + data.categories.length * 26 * Math.max(1, data.series.length * 0.7))}px`;
  box.querySelector("[data-table]").open = false;
  const chart = init(place, null, { renderer: "canvas" });
  chart.setOption(options(data, place));
  new ResizeObserver(() => chart.resize()).observe(place);
  const again = () => chart.setOption(options(data, place), true);
  document.addEventListener("theme", again);
  document.addEventListener("unit", again);
}

for (const place of document.querySelectorAll("[data-chart]")) draw(place);
