// The reference picker, loaded by pages that have one.
export { default as TomSelect } from "tom-select/base";
