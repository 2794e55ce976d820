// The interpreter of expression programs: the browser's twin of engine.expr.run, kept beside it.
export { evaluate } from "../../../../engine/expr/run/expr.js";
