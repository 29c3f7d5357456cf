/** `-o json`, as every verb takes it that prints for people or for programs. */
import { Option } from "commander";

/** commander refuses other formats, and says which there are. */
export function jsonOutput(description = "for programs"): Option {
  return new Option("-o, --output <format>", description).choices(["json"]);
}
