// Writes the cases of the conformance test, with V8's answers as what is expected. Run again when instructions.wat or the operands change:
//   wat2wasm instructions.wat -o instructions.wasm && node expect.mjs instructions.wat instructions.wasm > cases.txt
// A line: the micro-job's input (index, two operands), then the result, `nan32` or `nan64` for any quiet NaN, or `trap:` and why, then the name.
import { readFileSync } from 'node:fs';

const [source, binary] = process.argv.slice(2);
const names = [...readFileSync(source, 'latin1').matchAll(/^ {2}\(func \$(\S+) \(type \$instruction\)/gm)].map((m) => m[1]);
const module = new WebAssembly.Module(readFileSync(binary));

const bits = new DataView(new ArrayBuffer(8));
const f32 = (x) => (bits.setFloat32(0, x), BigInt(bits.getUint32(0)));
const f64 = (x) => (bits.setFloat64(0, x), bits.getBigUint64(0));

const INT32 = [0n, 1n, 7n, 31n, 32n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x12345678n];
const INT64 = [0n, 1n, 7n, 63n, 64n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn, 0xfedcba9876543210n];
const NUMBERS = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e300, -1e-300, Infinity, -Infinity, NaN, 3.141592653589793];
const EDGES = [-0.9, -2147483648, -2147483648.9, -2147483649, 2147483647, 2147483647.9, 2147483648, 4294967295, 4294967295.9, 4294967296,
  -9223372036854775808, -9223372036854777856, 9223372036854774784, 9223372036854775808, 18446744073709549568, 18446744073709551616];
const EDGES32 = [-2147483904, 2147483520, 4294967040, -9223373136366403584, 9223371487098961920, 18446742974197923840];
const FLOAT32 = [...NUMBERS, 1.1754943508222875e-38, 1.401298464324817e-45].map(f32).concat(0x7fa00000n, 0xffc12345n);
const FLOAT64 = [...NUMBERS, 2.2250738585072014e-308, 5e-324].map(f64).concat(0x7ff4000000000000n, 0xfff8123456789abcn);
const FLOAT_PAIRS = [0, -0, 1, -0.5, Infinity, -Infinity, NaN];
const PAIRS = { i32: INT32.filter((x) => x !== 7n && x !== 32n), i64: INT64.filter((x) => x !== 7n && x !== 64n),
  f32: FLOAT_PAIRS.map(f32).concat(0xffa00001n), f64: FLOAT_PAIRS.map(f64).concat(0xfff4000000000001n) };
const POOLS = { i32: INT32, i64: INT64, f32: FLOAT32, f64: FLOAT64 };

// For what is not a plain instruction on numbers: pairs of operands, chosen around the limits.
const at = (low, high) => low | (high << 32n);
const SPECIAL = {
  'store-at': [[65532n, 5n], [65533n, 5n], [0xfffffffcn, 5n], [0xffffffffn, 5n], [196608n, 1n]],
  'far-load': [[0n], [1n], [0xffffffffn]],
  'memory.fill': [[2000n, 10n], [0n, 0n], [65536n, 0n], [65537n, 0n], [65530n, 6n], [65530n, 7n], [0xffffffffn, 0xffffffffn], [1n, 0xffffffffn]],
  'memory.copy': [[at(2000n, 1024n), 20n], [at(1030n, 1024n), 20n], [at(1020n, 1024n), 20n], [at(65536n, 0n), 0n], [at(0n, 65537n), 0n],
    [at(65530n, 0n), 7n], [at(0n, 65530n), 7n], [at(0xffffffffn, 0n), 0xffffffffn]],
  'memory.init': [[at(2000n, 0n), 12n], [at(2000n, 5n), 3n], [at(2000n, 0n), 13n], [at(2000n, 12n), 0n], [at(2000n, 13n), 0n], [at(65530n, 0n), 7n]],
  'data.drop': [[0n, 0n], [0n, 1n]],
  'memory.size': [[0n]],
  'memory.grow': [[0n], [1n], [2n], [3n], [0xffffffffn], [65535n]],
  'grown-load': [[1n, 131064n], [1n, 131065n], [2n, 196600n], [3n, 65528n], [3n, 65529n]],
  'call_indirect': [[1n, 5n], [2n, 5n], [0n, 5n], [7n, 5n], [8n, 5n], [0xffffffffn, 5n]],
  'table.set': [[0n, 5n], [7n, 5n], [8n, 5n]],
  'table.get': [[0n], [1n], [7n], [8n], [0xffffffffn]],
  'table.grow': [[0n], [4n], [5n], [0xffffffffn]],
  'table.fill': [[3n, 2n], [3n, 5n], [3n, 6n], [1n, 0n], [3n, 0n]],
  'table.copy': [[at(4n, 1n), 2n], [at(4n, 1n), 4n], [at(4n, 1n), 5n], [at(2n, 1n), 3n], [at(4n, 2n), 1n]],
  'table.init': [[at(4n, 0n), 3n], [at(4n, 2n), 1n], [at(4n, 2n), 2n], [at(6n, 0n), 3n], [at(4n, 1n), 1n]],
  'elem.drop': [[0n, 0n], [0n, 1n]],
  'global': [[1n], [0xffffffffffffffffn]],
  'select': [[1n, 2n], [2n, 1n], [0xffffffffn, 0n]],
  'br_table': [[0n], [1n], [2n], [0xffffffffn]],
  'unreachable': [[0n]],
  'recursion': [[0n], [1000n]],
};

// Every pair where operands decide about traps or special values; elsewhere each operand with two others.
const EVERY_PAIR = /\.(div|rem|shl|shr|rot|min|max|copysign)/;

function operands(name) {
  if (SPECIAL[name]) return SPECIAL[name];
  if (/load/.test(name)) return [1021n, 1024n, 1028n, 65525n, 65526n, 65533n, 0xfffffffen].map((a) => [a]);
  if (/store/.test(name)) return [0x8899aabbccddeeffn, 0x7fa00000n].map((b) => [0n, b]);
  const from = name.match(/_([if]\d\d)/)?.[1] ?? name.slice(0, 3);
  let pool = POOLS[from];
  if (/trunc_/.test(name)) pool = pool.concat((from === 'f32' ? EDGES.concat(EDGES32).map(f32) : EDGES.map(f64)));
  const unary = /_[if]\d\d|clz|ctz|popcnt|eqz|extend|abs|neg|ceil|floor|\.trunc|nearest|sqrt/.test(name);
  if (unary) return pool.map((a) => [a]);
  pool = PAIRS[from];
  if (EVERY_PAIR.test(name)) return pool.flatMap((a) => pool.map((b) => [a, b]));
  return pool.flatMap((a, i) => [[a, a], [a, pool[(i + 3) % pool.length]]]);
}

function reason(error, name, input) {
  const text = error.message;
  if (/divide by zero|remainder by zero/.test(text)) return 'division-by-zero';
  if (/unrepresentable in integer range/.test(text)) return isNaNInput(name, input) ? 'bad-conversion' : 'integer-overflow';
  if (/divide result unrepresentable/.test(text)) return 'integer-overflow';
  if (/null function|signature mismatch/.test(text) || name === 'call_indirect') return 'bad-indirect-call';
  if (/out of bounds/.test(text)) return 'out-of-bounds';
  if (/unreachable/.test(text)) return 'unreachable';
  throw error;
}

function isNaNInput(name, a) {
  bits.setBigUint64(0, a);
  return Number.isNaN(/_f32/.test(name) ? bits.getFloat32(4) : bits.getFloat64(0));
}

// Arithmetic may give any quiet NaN; what only moves bits gives exactly the ones it got.
function expected(name, output) {
  const moves = /abs|neg|copysign|reinterpret|load|store/.test(name) || !/^f/.test(name);
  bits.setBigUint64(0, BigInt(`0x${output}`));
  if (!moves && name.startsWith('f32') && Number.isNaN(bits.getFloat32(4)) && !/\.(eq|ne|lt|gt|le|ge)$/.test(name)) return 'nan32';
  if (!moves && name.startsWith('f64') && Number.isNaN(bits.getFloat64(0)) && !/\.(eq|ne|lt|gt|le|ge)$/.test(name)) return 'nan64';
  return output;
}

function run(line) {
  let memory, output = '';
  const fd_read = (fd, list, count, read) => {
    const view = new DataView(memory.buffer);
    Buffer.from(memory.buffer).write(`${line}\n`, view.getUint32(list, true), 'latin1');
    view.setUint32(read, 37, true);
    return 0;
  };
  const fd_write = (fd, list) => {
    const view = new DataView(memory.buffer);
    output = Buffer.from(memory.buffer, view.getUint32(list, true), 16).toString('latin1');
    return 0;
  };
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: { fd_read, fd_write } });
  memory = instance.exports.memory;
  instance.exports._start();
  return output;
}

const hex = (n, digits) => n.toString(16).padStart(digits, '0');
names.forEach((name, index) => {
  for (const [a, b = 0n] of operands(name)) {
    const line = `${hex(index, 2)} ${hex(a, 16)} ${hex(b, 16)}`;
    let answer;
    try {
      answer = expected(name, run(line));
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      answer = `trap:${reason(error, name, a)}`;
    }
    console.log(line, answer, name);
  }
});
