/** strata-runtime checkpoint, restore: refused by name, so that nobody waits for what does not come. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";

export function command(): Command {
  return refusing("Save a running container (not supported)", "checkpoint");
}

export function restoreCommand(): Command {
  return refusing("Bring a saved container back (not supported)", "restore");
}

function refusing(description: string, verb: string): Command {
  return new Command()
    .description(description)
    .argument("[words...]")
    .allowUnknownOption()
    .action(() => {
      throw new RuntimeError("UNSUPPORTED", `Cannot ${verb} a container: strata-runtime has no checkpoints`);
    });
}
