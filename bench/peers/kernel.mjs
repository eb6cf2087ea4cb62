// Peer: a kernel's module in node's V8. Runs it twice and prints the second run's nanoseconds and output: the first lets V8 optimise.
// The few calls that a kernel makes are answered here: node 20's own WASI crashes when memory grows while a module runs.
// usage: node kernel.mjs MODULE
import { readFileSync } from 'node:fs';

const module = await WebAssembly.compile(readFileSync(process.argv[2]));
let memory, text, took;

function fd_write(fd, list, count, written) {
  const view = new DataView(memory.buffer);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const size = view.getUint32(list + 8 * i + 4, true);
    text += Buffer.from(memory.buffer, view.getUint32(list + 8 * i, true), size).toString('latin1');
    total += size;
  }
  view.setUint32(written, total, true);
  return 0;
}

function proc_exit(code) {
  throw new Error(`exit code ${code}`);
}

const calls = { fd_write, proc_exit, fd_close: () => 0, fd_seek: () => 70, fd_fdstat_get: () => 8 };
for (let run = 0; run < 2; run++) {
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: calls });
  memory = instance.exports.memory;
  text = '';
  const start = process.hrtime.bigint();
  instance.exports._start();
  took = process.hrtime.bigint() - start;
}
process.stdout.write(`${took}\n${text}`);
