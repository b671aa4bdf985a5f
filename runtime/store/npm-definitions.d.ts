// Owns the types of npm's table of configuration keys, which ships without any.

declare module "@npmcli/config/lib/definitions/index.js" {
  import type Config from "@npmcli/config";

  const table: Pick<Config.Options<Config.DefinitionsObject>, "definitions" | "shorthands" | "flatten">;
  export default table;
}
