// Dashboards' charts, loaded by pages that have one: ECharts with the modules our tiles use, no more.
import { BarChart, LineChart, PieChart } from "echarts/charts";
import { AriaComponent, DatasetComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([
  AriaComponent, BarChart, DatasetComponent, GridComponent, LegendComponent, LineChart, PieChart, SVGRenderer,
  TooltipComponent,
]);

export { init };
