// The line grid, loaded by pages that have one: Tabulator with the modules it uses, no more.
export {
  ClipboardModule,
  EditModule,
  FormatModule,
  InteractionModule,
  KeybindingsModule,
  MenuModule,
  MutatorModule,
  ResizeColumnsModule,
  SelectRangeModule,
  Tabulator,
  ValidateModule,
} from "tabulator-tables";
