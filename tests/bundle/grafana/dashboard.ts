// The classic dashboard by Grafana's own types, with the kinds of panels that are used here. What
// @grafana/schema leaves open ("unknown") is filled in from the panels' own types, and where it has
// none, from what the Prometheus data source reads.

import type {
  AnnotationQuery,
  Dashboard,
  DataQuery,
  FieldColor,
  FieldConfigSource,
  GraphFieldConfig,
  Panel as AnyPanel,
  RowPanel,
  TableCellOptions,
  TableFieldOptions,
  ValueMapping,
} from '@grafana/schema';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** A type as JSON has it: for the members of an enum, their strings. */
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

interface Link {
  title: string;
  url: string;
  targetBlank: boolean;
}

interface PrometheusQuery extends DataQuery {
  editorMode: 'code' | 'builder';
  expr: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  legendFormat: string;
  range: boolean;
}

interface PrometheusAnnotation extends AnnotationQuery {
  expr: string;
  step: string;
  tagKeys: string;
  textFormat: string;
  titleFormat: string;
  useValueForTime: boolean;
}

interface Override {
  matcher: { id: 'byName'; options: string };
  properties: Array<
    | { id: 'color'; value: FieldColor }
    | { id: 'custom.cellOptions'; value: TableCellOptions }
    | { id: 'links'; value: Link[] }
    | { id: 'mappings'; value: ValueMapping[] }
    | { id: 'unit'; value: string }
  >;
}

type Open = 'fieldConfig' | 'links' | 'options' | 'targets' | 'type';

type Panel<Type, Options, Custom> = Omit<AnyPanel, Open> & {
  type: Type;
  fieldConfig: {
    defaults: Omit<FieldConfigSource['defaults'], 'custom'> & { custom: Custom };
    overrides: Override[];
  };
  links: Link[];
  options: Options;
  targets: PrometheusQuery[];
};

type AnyTyped =
  | Panel<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Panel<'stat', stat.Options, Record<string, never>>
  | Panel<'state-timeline', timeline.Options, timeline.FieldConfig>
  | Panel<'table', table.Options, TableFieldOptions>
  | Panel<'timeseries', timeseries.Options, GraphFieldConfig>;

export type GrafanaDashboard = Json<
  Omit<Dashboard, 'annotations' | 'panels'> & {
    annotations: { list: PrometheusAnnotation[] };
    panels: Array<AnyTyped | (Omit<RowPanel, 'panels'> & { panels: AnyTyped[] })>;
  }
>;
