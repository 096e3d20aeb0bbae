// Reporter for `node --test`: one JSON line per test, closed by an `end` line.
import path from "node:path";

const root = process.cwd();

function relative(file) {
  if (!file) return "";
  const found = path.relative(root, file);
  return found.startsWith("..") ? "" : found.split(path.sep).join("/");
}

export default async function* report(source) {
  yield JSON.stringify({ kind: "node", root }) + "\n";
  const above = new Map();
  for await (const event of source) {
    const data = event.data;
    if (event.type === "test:start") {
      const names = above.get(data.file) ?? [];
      names.length = data.nesting;
      names[data.nesting] = data.name;
      above.set(data.file, names);
    }
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const isFile = data.name === data.file || path.resolve(root, data.name) === data.file;
    const failure = data.details?.error;
    const type = data.details?.type;
    if (type === "suite" && (event.type === "test:pass" || failure?.failureType === "subtestsFailed")) continue;
    if (isFile && (event.type === "test:pass" || failure?.failureType === "subtestsFailed")) continue;
    const names = (above.get(data.file) ?? []).slice(0, data.nesting);
    const file = relative(data.file);
    const id = isFile ? `${file} (file)` : [file, ...names, data.name].filter(Boolean).join(" > ");
    let outcome = event.type === "test:pass" ? "passed" : "failed";
    if (data.skip !== undefined && data.skip !== false) outcome = "skipped";
    if (data.todo !== undefined && data.todo !== false) outcome = "skipped";
    const detail = failure ? String(failure.cause?.stack ?? failure.cause ?? failure.message ?? failure) : "";
    yield JSON.stringify({ id, outcome, path: file, line: data.line ?? 0, detail: detail.slice(0, 2500) }) + "\n";
  }
  yield JSON.stringify({ end: 0 }) + "\n";
}
