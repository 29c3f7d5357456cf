/** RUN with nothing but a heredoc: its body is the program itself. Next to a command it stays a heredoc for the shell. */
import { parseHeredoc } from "../dockerfile/heredoc.ts";
import type { Heredoc, InstructionOf } from "../dockerfile/instruction.ts";

export function heredocAlone({ command, heredocs }: Pick<InstructionOf<"RUN">, "command" | "heredocs">): Heredoc | undefined {
  const [first, ...more] = heredocs;
  return more.length === 0 && command.form === "shell" && parseHeredoc(command.text) !== undefined ? first : undefined;
}
