/** `--filter` of `images` and the repository argument, as a test of one image. */
import type { ImageRecord, Store } from "../../store/store.ts";
import { familiarName } from "../../store/reference.ts";
import { UsageError } from "../errors.ts";

type Test = (record: ImageRecord) => boolean | Promise<boolean>;

/** @throws {UsageError} */
export async function imageFilter(store: Store, repository: string | undefined, filters: readonly string[]): Promise<Test> {
  const tests = await Promise.all(filters.map(async (filter) => await parse(store, filter)));
  if (repository !== undefined) tests.push(byReference(repository));
  return async (record) => {
    for (const test of tests) if (!(await test(record))) return false;
    return true;
  };
}

async function parse(store: Store, filter: string): Promise<Test> {
  const [key = "", value = ""] = filter.split(/=(.*)/s);
  switch (key) {
    case "dangling":
      return ({ name }) => (name === undefined) === (value === "true" || value === "1");
    case "reference":
      return byReference(value);
    case "label":
      return byLabel(store, value);
    case "before":
    case "since": {
      const { storedAt } = await store.images.open(value);
      return (record) => (key === "before" ? record.storedAt < storedAt : record.storedAt > storedAt);
    }
    default:
      throw new UsageError(`invalid filter ${JSON.stringify(key)}`);
  }
}

/** `repository`, `repository:tag`, with `*` and `?`. */
function byReference(text: string): Test {
  const glob = new RegExp(
    `^${text
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll("*", "[^/]*")
      .replaceAll("?", "[^/]")}$`,
  );
  return ({ name }) => {
    if (name === undefined) return false;
    const forms = [name, familiarName(name)];
    return forms.some((form) => glob.test(form) || glob.test(form.replace(/:[^:/]*$/, "")));
  };
}

function byLabel(store: Store, text: string): Test {
  const [key = "", value] = text.split(/=(.*)/s);
  return async ({ target }) => {
    const { config } = await store.images.read(target);
    const found = config.config?.Labels?.[key];
    return found !== undefined && (value === undefined || found === value);
  };
}
