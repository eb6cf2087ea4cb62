;; One instruction of WebAssembly a micro-job: a line of input names an instruction and two operands, the output is its result.
;;   input   2 hexadecimal digits: index into $instructions;  two times " " and 16 digits: operands, 32-bit ones in the low half;  newline
;;   output  16 hexadecimal digits: the result, or for what changes memory a digest of memory around it;  newline
;; A trap is the micro-job's outcome. conformance.bats compares with cases.txt, which expect.mjs makes from V8's answers.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (type $instruction (func (param i64 i64) (result i64)))
  (memory (export "memory") 1 3)
  (data (i32.const 1024) "\00\01\7f\80\ff\fe\81\00\00\f0\7f\00\00\a0\7f\f0\de\bc\9a\78\56\34\12")
  (data $passive "passive data")
  (global $counter (mut i64) (i64.const 41))
  (table $t 8 12 funcref)
  (elem (table $t) (i32.const 1) func $same $other_type)
  (elem $segment func $same $other_type $twice)
  (func $same (param i64) (result i64) (local.get 0))
  (func $twice (param i64) (result i64) (i64.add (local.get 0) (local.get 0)))
  (func $other_type (param i32) (result i32) (local.get 0))

  ;; FNV-1a over memory [from, to).
  (func $digest (param $from i32) (param $to i32) (result i64) (local $hash i64)
    (local.set $hash (i64.const 0xcbf29ce484222325))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $from) (local.get $to)))
      (local.set $hash (i64.mul (i64.xor (local.get $hash) (i64.load8_u (local.get $from))) (i64.const 0x100000001b3)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br $next)))
    (local.get $hash))
  (func $low (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
  (func $high (param i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))

  (func $i32.clz (type $instruction) (i64.extend_i32_u (i32.clz (i32.wrap_i64 (local.get 0)))))
  (func $i32.ctz (type $instruction) (i64.extend_i32_u (i32.ctz (i32.wrap_i64 (local.get 0)))))
  (func $i32.popcnt (type $instruction) (i64.extend_i32_u (i32.popcnt (i32.wrap_i64 (local.get 0)))))
  (func $i32.extend8_s (type $instruction) (i64.extend_i32_u (i32.extend8_s (i32.wrap_i64 (local.get 0)))))
  (func $i32.extend16_s (type $instruction) (i64.extend_i32_u (i32.extend16_s (i32.wrap_i64 (local.get 0)))))
  (func $i32.eqz (type $instruction) (i64.extend_i32_u (i32.eqz (i32.wrap_i64 (local.get 0)))))
  (func $i32.add (type $instruction) (i64.extend_i32_u (i32.add (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.sub (type $instruction) (i64.extend_i32_u (i32.sub (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.mul (type $instruction) (i64.extend_i32_u (i32.mul (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.div_s (type $instruction) (i64.extend_i32_u (i32.div_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.div_u (type $instruction) (i64.extend_i32_u (i32.div_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.rem_s (type $instruction) (i64.extend_i32_u (i32.rem_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.rem_u (type $instruction) (i64.extend_i32_u (i32.rem_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.and (type $instruction) (i64.extend_i32_u (i32.and (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.or (type $instruction) (i64.extend_i32_u (i32.or (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.xor (type $instruction) (i64.extend_i32_u (i32.xor (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.shl (type $instruction) (i64.extend_i32_u (i32.shl (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.shr_s (type $instruction) (i64.extend_i32_u (i32.shr_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.shr_u (type $instruction) (i64.extend_i32_u (i32.shr_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.rotl (type $instruction) (i64.extend_i32_u (i32.rotl (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.rotr (type $instruction) (i64.extend_i32_u (i32.rotr (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.eq (type $instruction) (i64.extend_i32_u (i32.eq (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.ne (type $instruction) (i64.extend_i32_u (i32.ne (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.lt_s (type $instruction) (i64.extend_i32_u (i32.lt_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.lt_u (type $instruction) (i64.extend_i32_u (i32.lt_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.gt_s (type $instruction) (i64.extend_i32_u (i32.gt_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.gt_u (type $instruction) (i64.extend_i32_u (i32.gt_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.le_s (type $instruction) (i64.extend_i32_u (i32.le_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.le_u (type $instruction) (i64.extend_i32_u (i32.le_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.ge_s (type $instruction) (i64.extend_i32_u (i32.ge_s (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i32.ge_u (type $instruction) (i64.extend_i32_u (i32.ge_u (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 1)))))
  (func $i64.clz (type $instruction) (i64.clz (local.get 0)))
  (func $i64.ctz (type $instruction) (i64.ctz (local.get 0)))
  (func $i64.popcnt (type $instruction) (i64.popcnt (local.get 0)))
  (func $i64.extend8_s (type $instruction) (i64.extend8_s (local.get 0)))
  (func $i64.extend16_s (type $instruction) (i64.extend16_s (local.get 0)))
  (func $i64.extend32_s (type $instruction) (i64.extend32_s (local.get 0)))
  (func $i64.eqz (type $instruction) (i64.extend_i32_u (i64.eqz (local.get 0))))
  (func $i64.add (type $instruction) (i64.add (local.get 0) (local.get 1)))
  (func $i64.sub (type $instruction) (i64.sub (local.get 0) (local.get 1)))
  (func $i64.mul (type $instruction) (i64.mul (local.get 0) (local.get 1)))
  (func $i64.div_s (type $instruction) (i64.div_s (local.get 0) (local.get 1)))
  (func $i64.div_u (type $instruction) (i64.div_u (local.get 0) (local.get 1)))
  (func $i64.rem_s (type $instruction) (i64.rem_s (local.get 0) (local.get 1)))
  (func $i64.rem_u (type $instruction) (i64.rem_u (local.get 0) (local.get 1)))
  (func $i64.and (type $instruction) (i64.and (local.get 0) (local.get 1)))
  (func $i64.or (type $instruction) (i64.or (local.get 0) (local.get 1)))
  (func $i64.xor (type $instruction) (i64.xor (local.get 0) (local.get 1)))
  (func $i64.shl (type $instruction) (i64.shl (local.get 0) (local.get 1)))
  (func $i64.shr_s (type $instruction) (i64.shr_s (local.get 0) (local.get 1)))
  (func $i64.shr_u (type $instruction) (i64.shr_u (local.get 0) (local.get 1)))
  (func $i64.rotl (type $instruction) (i64.rotl (local.get 0) (local.get 1)))
  (func $i64.rotr (type $instruction) (i64.rotr (local.get 0) (local.get 1)))
  (func $i64.eq (type $instruction) (i64.extend_i32_u (i64.eq (local.get 0) (local.get 1))))
  (func $i64.ne (type $instruction) (i64.extend_i32_u (i64.ne (local.get 0) (local.get 1))))
  (func $i64.lt_s (type $instruction) (i64.extend_i32_u (i64.lt_s (local.get 0) (local.get 1))))
  (func $i64.lt_u (type $instruction) (i64.extend_i32_u (i64.lt_u (local.get 0) (local.get 1))))
  (func $i64.gt_s (type $instruction) (i64.extend_i32_u (i64.gt_s (local.get 0) (local.get 1))))
  (func $i64.gt_u (type $instruction) (i64.extend_i32_u (i64.gt_u (local.get 0) (local.get 1))))
  (func $i64.le_s (type $instruction) (i64.extend_i32_u (i64.le_s (local.get 0) (local.get 1))))
  (func $i64.le_u (type $instruction) (i64.extend_i32_u (i64.le_u (local.get 0) (local.get 1))))
  (func $i64.ge_s (type $instruction) (i64.extend_i32_u (i64.ge_s (local.get 0) (local.get 1))))
  (func $i64.ge_u (type $instruction) (i64.extend_i32_u (i64.ge_u (local.get 0) (local.get 1))))
  (func $f32.abs (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.abs (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.neg (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.neg (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.ceil (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.ceil (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.floor (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.floor (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.trunc (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.trunc (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.nearest (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.nearest (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.sqrt (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.sqrt (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))))
  (func $f32.add (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.sub (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.sub (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.mul (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.mul (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.div (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.div (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.min (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.min (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.max (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.max (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.copysign (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.copysign (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))))))
  (func $f32.eq (type $instruction) (i64.extend_i32_u (f32.eq (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))))
  (func $f32.ne (type $instruction) (i64.extend_i32_u (f32.ne (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))))
  (func $f32.lt (type $instruction) (i64.extend_i32_u (f32.lt (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))))
  (func $f32.gt (type $instruction) (i64.extend_i32_u (f32.gt (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))))
  (func $f32.le (type $instruction) (i64.extend_i32_u (f32.le (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))))
  (func $f32.ge (type $instruction) (i64.extend_i32_u (f32.ge (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1))))))
  (func $f64.abs (type $instruction) (i64.reinterpret_f64 (f64.abs (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.neg (type $instruction) (i64.reinterpret_f64 (f64.neg (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.ceil (type $instruction) (i64.reinterpret_f64 (f64.ceil (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.floor (type $instruction) (i64.reinterpret_f64 (f64.floor (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.trunc (type $instruction) (i64.reinterpret_f64 (f64.trunc (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.nearest (type $instruction) (i64.reinterpret_f64 (f64.nearest (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.sqrt (type $instruction) (i64.reinterpret_f64 (f64.sqrt (f64.reinterpret_i64 (local.get 0)))))
  (func $f64.add (type $instruction) (i64.reinterpret_f64 (f64.add (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.sub (type $instruction) (i64.reinterpret_f64 (f64.sub (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.mul (type $instruction) (i64.reinterpret_f64 (f64.mul (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.div (type $instruction) (i64.reinterpret_f64 (f64.div (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.min (type $instruction) (i64.reinterpret_f64 (f64.min (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.max (type $instruction) (i64.reinterpret_f64 (f64.max (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.copysign (type $instruction) (i64.reinterpret_f64 (f64.copysign (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.eq (type $instruction) (i64.extend_i32_u (f64.eq (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.ne (type $instruction) (i64.extend_i32_u (f64.ne (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.lt (type $instruction) (i64.extend_i32_u (f64.lt (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.gt (type $instruction) (i64.extend_i32_u (f64.gt (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.le (type $instruction) (i64.extend_i32_u (f64.le (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $f64.ge (type $instruction) (i64.extend_i32_u (f64.ge (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))))
  (func $i32.wrap_i64 (type $instruction) (i64.extend_i32_u (i32.wrap_i64 (local.get 0))))
  (func $i64.extend_i32_s (type $instruction) (i64.extend_i32_s (i32.wrap_i64 (local.get 0))))
  (func $i64.extend_i32_u (type $instruction) (i64.extend_i32_u (i32.wrap_i64 (local.get 0))))
  (func $f32.convert_i32_s (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.convert_i32_s (i32.wrap_i64 (local.get 0))))))
  (func $f32.convert_i32_u (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.convert_i32_u (i32.wrap_i64 (local.get 0))))))
  (func $f32.convert_i64_s (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.convert_i64_s (local.get 0)))))
  (func $f32.convert_i64_u (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.convert_i64_u (local.get 0)))))
  (func $f32.demote_f64 (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (local.get 0))))))
  (func $f64.convert_i32_s (type $instruction) (i64.reinterpret_f64 (f64.convert_i32_s (i32.wrap_i64 (local.get 0)))))
  (func $f64.convert_i32_u (type $instruction) (i64.reinterpret_f64 (f64.convert_i32_u (i32.wrap_i64 (local.get 0)))))
  (func $f64.convert_i64_s (type $instruction) (i64.reinterpret_f64 (f64.convert_i64_s (local.get 0))))
  (func $f64.convert_i64_u (type $instruction) (i64.reinterpret_f64 (f64.convert_i64_u (local.get 0))))
  (func $f64.promote_f32 (type $instruction) (i64.reinterpret_f64 (f64.promote_f32 (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $i32.reinterpret_f32 (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $i64.reinterpret_f64 (type $instruction) (i64.reinterpret_f64 (f64.reinterpret_i64 (local.get 0))))
  (func $f32.reinterpret_i32 (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $f64.reinterpret_i64 (type $instruction) (i64.reinterpret_f64 (f64.reinterpret_i64 (local.get 0))))
  (func $i32.trunc_f32_s (type $instruction) (i64.extend_i32_u (i32.trunc_f32_s (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $i32.trunc_f32_u (type $instruction) (i64.extend_i32_u (i32.trunc_f32_u (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $i32.trunc_f64_s (type $instruction) (i64.extend_i32_u (i32.trunc_f64_s (f64.reinterpret_i64 (local.get 0)))))
  (func $i32.trunc_f64_u (type $instruction) (i64.extend_i32_u (i32.trunc_f64_u (f64.reinterpret_i64 (local.get 0)))))
  (func $i32.trunc_sat_f32_s (type $instruction) (i64.extend_i32_u (i32.trunc_sat_f32_s (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $i32.trunc_sat_f32_u (type $instruction) (i64.extend_i32_u (i32.trunc_sat_f32_u (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))
  (func $i32.trunc_sat_f64_s (type $instruction) (i64.extend_i32_u (i32.trunc_sat_f64_s (f64.reinterpret_i64 (local.get 0)))))
  (func $i32.trunc_sat_f64_u (type $instruction) (i64.extend_i32_u (i32.trunc_sat_f64_u (f64.reinterpret_i64 (local.get 0)))))
  (func $i64.trunc_f32_s (type $instruction) (i64.trunc_f32_s (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))
  (func $i64.trunc_f32_u (type $instruction) (i64.trunc_f32_u (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))
  (func $i64.trunc_f64_s (type $instruction) (i64.trunc_f64_s (f64.reinterpret_i64 (local.get 0))))
  (func $i64.trunc_f64_u (type $instruction) (i64.trunc_f64_u (f64.reinterpret_i64 (local.get 0))))
  (func $i64.trunc_sat_f32_s (type $instruction) (i64.trunc_sat_f32_s (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))
  (func $i64.trunc_sat_f32_u (type $instruction) (i64.trunc_sat_f32_u (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0)))))
  (func $i64.trunc_sat_f64_s (type $instruction) (i64.trunc_sat_f64_s (f64.reinterpret_i64 (local.get 0))))
  (func $i64.trunc_sat_f64_u (type $instruction) (i64.trunc_sat_f64_u (f64.reinterpret_i64 (local.get 0))))
  (func $i32.load (type $instruction) (i64.extend_i32_u (i32.load offset=3 (i32.wrap_i64 (local.get 0)))))
  (func $i64.load (type $instruction) (i64.load offset=3 (i32.wrap_i64 (local.get 0))))
  (func $f32.load (type $instruction) (i64.extend_i32_u (i32.reinterpret_f32 (f32.load offset=3 (i32.wrap_i64 (local.get 0))))))
  (func $f64.load (type $instruction) (i64.reinterpret_f64 (f64.load offset=3 (i32.wrap_i64 (local.get 0)))))
  (func $i32.load8_s (type $instruction) (i64.extend_i32_u (i32.load8_s offset=3 (i32.wrap_i64 (local.get 0)))))
  (func $i32.load8_u (type $instruction) (i64.extend_i32_u (i32.load8_u offset=3 (i32.wrap_i64 (local.get 0)))))
  (func $i32.load16_s (type $instruction) (i64.extend_i32_u (i32.load16_s offset=3 (i32.wrap_i64 (local.get 0)))))
  (func $i32.load16_u (type $instruction) (i64.extend_i32_u (i32.load16_u offset=3 (i32.wrap_i64 (local.get 0)))))
  (func $i64.load8_s (type $instruction) (i64.load8_s offset=3 (i32.wrap_i64 (local.get 0))))
  (func $i64.load8_u (type $instruction) (i64.load8_u offset=3 (i32.wrap_i64 (local.get 0))))
  (func $i64.load16_s (type $instruction) (i64.load16_s offset=3 (i32.wrap_i64 (local.get 0))))
  (func $i64.load16_u (type $instruction) (i64.load16_u offset=3 (i32.wrap_i64 (local.get 0))))
  (func $i64.load32_s (type $instruction) (i64.load32_s offset=3 (i32.wrap_i64 (local.get 0))))
  (func $i64.load32_u (type $instruction) (i64.load32_u offset=3 (i32.wrap_i64 (local.get 0))))
  (func $far-load (type $instruction) (i64.extend_i32_u (i32.load offset=0xffffffff (i32.wrap_i64 (local.get 0)))))
  (func $i32.store (type $instruction) (i32.store offset=1 (i32.const 2048) (i32.wrap_i64 (local.get 1))) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $i64.store (type $instruction) (i64.store offset=1 (i32.const 2048) (local.get 1)) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $f32.store (type $instruction) (f32.store offset=1 (i32.const 2048) (f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $f64.store (type $instruction) (f64.store offset=1 (i32.const 2048) (f64.reinterpret_i64 (local.get 1))) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $i32.store8 (type $instruction) (i32.store8 offset=1 (i32.const 2048) (i32.wrap_i64 (local.get 1))) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $i32.store16 (type $instruction) (i32.store16 offset=1 (i32.const 2048) (i32.wrap_i64 (local.get 1))) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $i64.store8 (type $instruction) (i64.store8 offset=1 (i32.const 2048) (local.get 1)) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $i64.store16 (type $instruction) (i64.store16 offset=1 (i32.const 2048) (local.get 1)) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $i64.store32 (type $instruction) (i64.store32 offset=1 (i32.const 2048) (local.get 1)) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $store-at (type $instruction) (i32.store (call $low (local.get 0)) (call $low (local.get 1))) (i64.const 1))
  (func $memory.fill (type $instruction) (memory.fill (call $low (local.get 0)) (i32.const 0x1ab) (call $low (local.get 1))) (call $digest (i32.const 0) (i32.const 4096)))
  (func $memory.copy (type $instruction) (memory.copy (call $low (local.get 0)) (call $high (local.get 0)) (call $low (local.get 1))) (call $digest (i32.const 1000) (i32.const 4096)))
  (func $memory.init (type $instruction) (memory.init $passive (call $low (local.get 0)) (call $high (local.get 0)) (call $low (local.get 1))) (call $digest (i32.const 1000) (i32.const 4096)))
  (func $data.drop (type $instruction) (data.drop $passive) (memory.init $passive (i32.const 2048) (i32.const 0) (call $low (local.get 1))) (call $digest (i32.const 2040) (i32.const 2064)))
  (func $memory.size (type $instruction) (i64.extend_i32_u (memory.size)))
  (func $memory.grow (type $instruction) (i64.or (i64.shl (i64.extend_i32_s (memory.grow (call $low (local.get 0)))) (i64.const 32)) (i64.extend_i32_u (memory.size))))
  (func $grown-load (type $instruction) (drop (memory.grow (call $low (local.get 0)))) (i64.load (call $low (local.get 1))))
  (func $call_indirect (type $instruction) (call_indirect $t (param i64) (result i64) (local.get 1) (call $low (local.get 0))))
  (func $table.set (type $instruction) (table.set $t (call $low (local.get 0)) (ref.func $twice)) (call_indirect $t (param i64) (result i64) (local.get 1) (call $low (local.get 0))))
  (func $table.get (type $instruction) (i64.extend_i32_u (ref.is_null (table.get $t (call $low (local.get 0))))))
  (func $table.grow (type $instruction) (i64.or (i64.shl (i64.extend_i32_s (table.grow $t (ref.func $twice) (call $low (local.get 0)))) (i64.const 32)) (i64.extend_i32_u (table.size $t))))
  (func $table.fill (type $instruction) (table.fill $t (call $low (local.get 0)) (ref.func $twice) (call $low (local.get 1))) (call_indirect $t (param i64) (result i64) (i64.const 21) (call $low (local.get 0))))
  (func $table.copy (type $instruction) (table.copy $t $t (call $low (local.get 0)) (call $high (local.get 0)) (call $low (local.get 1))) (call_indirect $t (param i64) (result i64) (i64.const 21) (call $low (local.get 0))))
  (func $table.init (type $instruction) (table.init $t $segment (call $low (local.get 0)) (call $high (local.get 0)) (call $low (local.get 1))) (call_indirect $t (param i64) (result i64) (i64.const 21) (call $low (local.get 0))))
  (func $elem.drop (type $instruction) (elem.drop $segment) (table.init $t $segment (i32.const 0) (i32.const 0) (call $low (local.get 1))) (i64.const 1))
  (func $global (type $instruction) (global.set $counter (i64.add (global.get $counter) (local.get 0))) (global.get $counter))
  (func $select (type $instruction) (select (local.get 0) (local.get 1) (i32.lt_s (call $low (local.get 0)) (call $low (local.get 1)))))
  (func $br_table (type $instruction) (block $c (block $b (block $a (br_table $a $b $c (call $low (local.get 0)))) (return (i64.const 10))) (return (i64.const 20))) (i64.const 30))
  (func $unreachable (type $instruction) (unreachable))
  (func $recursion (type $instruction) (call $recurse (local.get 0)))
  (func $recurse (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 7)) (else (i64.add (i64.const 1) (call $recurse (i64.sub (local.get 0) (i64.const 1)))))))
  (table $instructions funcref (elem
    $i32.clz
    $i32.ctz
    $i32.popcnt
    $i32.extend8_s
    $i32.extend16_s
    $i32.eqz
    $i32.add
    $i32.sub
    $i32.mul
    $i32.div_s
    $i32.div_u
    $i32.rem_s
    $i32.rem_u
    $i32.and
    $i32.or
    $i32.xor
    $i32.shl
    $i32.shr_s
    $i32.shr_u
    $i32.rotl
    $i32.rotr
    $i32.eq
    $i32.ne
    $i32.lt_s
    $i32.lt_u
    $i32.gt_s
    $i32.gt_u
    $i32.le_s
    $i32.le_u
    $i32.ge_s
    $i32.ge_u
    $i64.clz
    $i64.ctz
    $i64.popcnt
    $i64.extend8_s
    $i64.extend16_s
    $i64.extend32_s
    $i64.eqz
    $i64.add
    $i64.sub
    $i64.mul
    $i64.div_s
    $i64.div_u
    $i64.rem_s
    $i64.rem_u
    $i64.and
    $i64.or
    $i64.xor
    $i64.shl
    $i64.shr_s
    $i64.shr_u
    $i64.rotl
    $i64.rotr
    $i64.eq
    $i64.ne
    $i64.lt_s
    $i64.lt_u
    $i64.gt_s
    $i64.gt_u
    $i64.le_s
    $i64.le_u
    $i64.ge_s
    $i64.ge_u
    $f32.abs
    $f32.neg
    $f32.ceil
    $f32.floor
    $f32.trunc
    $f32.nearest
    $f32.sqrt
    $f32.add
    $f32.sub
    $f32.mul
    $f32.div
    $f32.min
    $f32.max
    $f32.copysign
    $f32.eq
    $f32.ne
    $f32.lt
    $f32.gt
    $f32.le
    $f32.ge
    $f64.abs
    $f64.neg
    $f64.ceil
    $f64.floor
    $f64.trunc
    $f64.nearest
    $f64.sqrt
    $f64.add
    $f64.sub
    $f64.mul
    $f64.div
    $f64.min
    $f64.max
    $f64.copysign
    $f64.eq
    $f64.ne
    $f64.lt
    $f64.gt
    $f64.le
    $f64.ge
    $i32.wrap_i64
    $i64.extend_i32_s
    $i64.extend_i32_u
    $f32.convert_i32_s
    $f32.convert_i32_u
    $f32.convert_i64_s
    $f32.convert_i64_u
    $f32.demote_f64
    $f64.convert_i32_s
    $f64.convert_i32_u
    $f64.convert_i64_s
    $f64.convert_i64_u
    $f64.promote_f32
    $i32.reinterpret_f32
    $i64.reinterpret_f64
    $f32.reinterpret_i32
    $f64.reinterpret_i64
    $i32.trunc_f32_s
    $i32.trunc_f32_u
    $i32.trunc_f64_s
    $i32.trunc_f64_u
    $i32.trunc_sat_f32_s
    $i32.trunc_sat_f32_u
    $i32.trunc_sat_f64_s
    $i32.trunc_sat_f64_u
    $i64.trunc_f32_s
    $i64.trunc_f32_u
    $i64.trunc_f64_s
    $i64.trunc_f64_u
    $i64.trunc_sat_f32_s
    $i64.trunc_sat_f32_u
    $i64.trunc_sat_f64_s
    $i64.trunc_sat_f64_u
    $i32.load
    $i64.load
    $f32.load
    $f64.load
    $i32.load8_s
    $i32.load8_u
    $i32.load16_s
    $i32.load16_u
    $i64.load8_s
    $i64.load8_u
    $i64.load16_s
    $i64.load16_u
    $i64.load32_s
    $i64.load32_u
    $far-load
    $i32.store
    $i64.store
    $f32.store
    $f64.store
    $i32.store8
    $i32.store16
    $i64.store8
    $i64.store16
    $i64.store32
    $store-at
    $memory.fill
    $memory.copy
    $memory.init
    $data.drop
    $memory.size
    $memory.grow
    $grown-load
    $call_indirect
    $table.set
    $table.get
    $table.grow
    $table.fill
    $table.copy
    $table.init
    $elem.drop
    $global
    $select
    $br_table
    $unreachable
    $recursion
  ))

  ;; Input is read to 16, output written to 80.
  (func $digit (param $at i32) (result i64) (local $c i64)
    (local.set $c (i64.load8_u (local.get $at)))
    (i64.sub (local.get $c) (select (i64.const 87) (i64.const 48) (i64.ge_u (local.get $c) (i64.const 97)))))
  (func $number (param $at i32) (param $digits i32) (result i64) (local $n i64)
    (loop $next
      (local.set $n (i64.or (i64.shl (local.get $n) (i64.const 4)) (call $digit (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (local.tee $digits (i32.sub (local.get $digits) (i32.const 1)))))
    (local.get $n))
  (func $print (param $n i64) (local $i i32) (local $d i32)
    (local.set $i (i32.const 16))
    (i32.store8 (i32.const 96) (i32.const 10))
    (loop $next
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (local.set $d (i32.wrap_i64 (i64.and (local.get $n) (i64.const 15))))
      (i32.store8 offset=80 (local.get $i)
        (i32.add (local.get $d) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $d) (i32.const 9)))))
      (local.set $n (i64.shr_u (local.get $n) (i64.const 4)))
      (br_if $next (local.get $i)))
    (i32.store (i32.const 0) (i32.const 80))
    (i32.store (i32.const 4) (i32.const 17))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then (unreachable))))
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 37))
    (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then (unreachable)))
    (call $print (call_indirect $instructions (type $instruction)
      (call $number (i32.const 19) (i32.const 16)) (call $number (i32.const 36) (i32.const 16))
      (i32.wrap_i64 (call $number (i32.const 16) (i32.const 2))))))
)
