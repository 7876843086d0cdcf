// SPDX-License-Identifier: MIT
// Runs 32-bit MicroPython (its webassembly port) under node, with our folders in its file system.
//   node wasm.mjs PORT CODE FOLDER...
// CODE is run; then, where it defines `answer`, each line of stdin is given to it and its result is
// printed. Ends with 1 where CODE raises.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

const [port, code, ...folders] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(port));
const mp = await loadMicroPython({
  heapsize: 4 * 1024 * 1024,
  stdout: (line) => process.stdout.write(line + "\n"),
});

function copy(from, to) {
  mp.FS.mkdir(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = to + "/" + entry.name;
    if (entry.isDirectory() && entry.name !== "__pycache__") copy(source, target);
    else if (entry.isFile() && entry.name.endsWith(".py")) mp.FS.writeFile(target, fs.readFileSync(source));
  }
}

mp.runPython("import sys");
folders.forEach((folder, i) => {
  copy(folder, "/f" + i);
  mp.runPython(`sys.path.append("/f${i}")`);
});
try {
  mp.runPython(code);
} catch (error) {
  process.stdout.write(String(error.message) + "\n");
  process.exit(1);
}
const answer = mp.globals.get("answer");
if (answer) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(answer(line) + "\n");
  }
}
