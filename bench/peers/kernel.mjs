// Peer: a kernel's module in node's V8. Runs it twice and prints the second run's nanoseconds and output: the first lets V8 optimise.
// usage: node --no-warnings kernel.mjs MODULE
import { readFileSync, openSync, readSync, closeSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { WASI } from 'node:wasi';

const module = await WebAssembly.compile(readFileSync(process.argv[2]));
const folder = mkdtempSync(join(tmpdir(), 'covey-bench-'));
let took, text;
for (let run = 0; run < 2; run++) {
  const output = openSync(join(folder, `output-${run}`), 'w+');
  const wasi = new WASI({ version: 'preview1', stdout: output, returnOnExit: true });
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport });
  const start = process.hrtime.bigint();
  wasi.start(instance);
  took = process.hrtime.bigint() - start;
  const buffer = Buffer.alloc(64);
  text = buffer.toString('latin1', 0, readSync(output, buffer, 0, 64, 0));
  closeSync(output);
}
rmSync(folder, { recursive: true });
process.stdout.write(`${took}\n${text}`);
