;; What C cannot dirty: globals, tables, dropped segments. Each run checks that all of it is as the module declares it, traps if not,
;; and then changes everything. Writes "clean".
(module
  (type $number (func (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 64)
  (table $table 4 16 funcref)
  (elem (table $table) (i32.const 0) func $one $two $three)
  (elem $passive func $three $two)
  (global $counter (mut i32) (i32.const 0))
  (global $wide (mut i64) (i64.const -5))
  (global $real (mut f64) (f64.const 1.5))
  (data (i32.const 0) "\10\00\00\00\06\00\00\00")
  (data (i32.const 16) "clean\n")
  (data $kept "spare")

  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $three (result i32) (i32.const 3))

  (func $must (param $true i32)
    (if (i32.eqz (local.get $true)) (then (unreachable))))

  (func $check
    (call $must (i32.eqz (global.get $counter)))
    (call $must (i64.eq (global.get $wide) (i64.const -5)))
    (call $must (f64.eq (global.get $real) (f64.const 1.5)))
    (call $must (i32.eq (memory.size) (i32.const 1)))
    (call $must (i32.eqz (i32.load (i32.const 40000))))
    (call $must (i32.eq (table.size $table) (i32.const 4)))
    (call $must (i32.eq (call_indirect $table (type $number) (i32.const 0)) (i32.const 1)))
    (call $must (i32.eq (call_indirect $table (type $number) (i32.const 1)) (i32.const 2)))
    (call $must (ref.is_null (table.get $table (i32.const 3))))
    (memory.init $kept (i32.const 1000) (i32.const 0) (i32.const 5)) ;; traps when the segment was dropped
    (table.init $table $passive (i32.const 1) (i32.const 0) (i32.const 2))
    (call $must (i32.eq (call_indirect $table (type $number) (i32.const 1)) (i32.const 3))))

  (func $dirty
    (global.set $counter (i32.const 7))
    (global.set $wide (i64.const 7))
    (global.set $real (f64.const 7))
    (call $must (i32.eq (table.grow $table (ref.func $two) (i32.const 5)) (i32.const 4)))
    (table.fill $table (i32.const 0) (ref.null func) (i32.const 9))
    (call $must (i32.eq (memory.grow (i32.const 3)) (i32.const 1)))
    (memory.fill (i32.const 32) (i32.const 0xee) (i32.const 262112))
    (i32.store (i32.const 0) (i32.const 0))
    (data.drop $kept)
    (elem.drop $passive))

  (func (export "_start")
    (call $check)
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $dirty)))
