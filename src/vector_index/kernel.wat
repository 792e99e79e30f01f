;; The arithmetic of quantised vectors with WebAssembly SIMD. `plain_kernel.ts` does the same in
;; TypeScript, bit for bit, and says what each function promises. Addresses are bytes in the memory
;; that is passed in; lengths are multiples of 16. `tests/kernel_test.ts` turns this text into the
;; bytes in `kernel_bytes.ts`, or with UPDATE_KERNEL=1 writes them there.
(module
  (import "kernel" "memory" (memory 1))

  (func (export "hamming")
    (param $query i32) (param $rows i32) (param $count i32) (param $bytes i32) (param $out i32)
    (local $at i32) (local $end i32) (local $last i32) (local $sum v128)
    (local.set $end (i32.add (local.get $query) (local.get $bytes)))
    (local.set $last (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 1))))
    (loop $row
      (local.set $sum (v128.const i64x2 0 0))
      (local.set $at (local.get $query))
      (loop $sixteen
        (local.set $sum (i16x8.add (local.get $sum)
          (i16x8.extadd_pairwise_i8x16_u (i8x16.popcnt
            (v128.xor (v128.load (local.get $rows)) (v128.load (local.get $at)))))))
        (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
        (br_if $sixteen (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
      (i32.store16 (local.get $out)
        (call $sum (i32x4.extadd_pairwise_i16x8_u (local.get $sum))))
      (br_if $row (i32.lt_u
        (local.tee $out (i32.add (local.get $out) (i32.const 2))) (local.get $last)))))

  (func (export "hammingOf")
    (param $query i32) (param $list i32) (param $count i32) (param $bytes i32) (param $out i32)
    (local $at i32) (local $row i32) (local $end i32) (local $last i32) (local $sum v128)
    (local.set $end (i32.add (local.get $query) (local.get $bytes)))
    (local.set $last (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $row (i32.load (local.get $list)))
      (local.set $sum (v128.const i64x2 0 0))
      (local.set $at (local.get $query))
      (loop $sixteen
        (local.set $sum (i16x8.add (local.get $sum)
          (i16x8.extadd_pairwise_i8x16_u (i8x16.popcnt
            (v128.xor (v128.load (local.get $row)) (v128.load (local.get $at)))))))
        (local.set $row (i32.add (local.get $row) (i32.const 16)))
        (br_if $sixteen (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
      (i32.store (local.get $out)
        (call $sum (i32x4.extadd_pairwise_i16x8_u (local.get $sum))))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (br_if $next (i32.lt_u
        (local.tee $list (i32.add (local.get $list) (i32.const 4))) (local.get $last)))))

  (func (export "dots")
    (param $query i32) (param $list i32) (param $count i32) (param $length i32) (param $out i32)
    (local $at i32) (local $row i32) (local $end i32) (local $last i32)
    (local $codes v128) (local $low v128) (local $high v128)
    (local.set $last (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $row (i32.load (local.get $list)))
      (local.set $end (i32.add (local.get $row) (local.get $length)))
      (local.set $at (local.get $query))
      (local.set $low (v128.const i64x2 0 0))
      (local.set $high (v128.const i64x2 0 0))
      (loop $sixteen
        (local.set $codes (v128.load (local.get $row)))
        (local.set $low (i32x4.add (local.get $low) (i32x4.dot_i16x8_s
          (i16x8.extend_low_i8x16_s (local.get $codes)) (v128.load (local.get $at)))))
        (local.set $high (i32x4.add (local.get $high) (i32x4.dot_i16x8_s
          (i16x8.extend_high_i8x16_s (local.get $codes)) (v128.load offset=16 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br_if $sixteen (i32.lt_u
          (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $end))))
      (i32.store (local.get $out) (call $sum (i32x4.add (local.get $low) (local.get $high))))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (br_if $next (i32.lt_u
        (local.tee $list (i32.add (local.get $list) (i32.const 4))) (local.get $last)))))

  (func $sum (param $four v128) (result i32)
    (local.set $four (i32x4.add (local.get $four)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $four) (local.get $four))))
    (i32.add (i32x4.extract_lane 0 (local.get $four)) (i32x4.extract_lane 1 (local.get $four))))

  (func (export "spread") (param $vector i32) (param $factors i32) (param $length i32)
    (local $at i32) (local $end i32) (local $half i32) (local $stop i32)
    (local $a v128) (local $b v128)
    (local.set $end (i32.add (local.get $vector) (i32.shl (local.get $length) (i32.const 2))))
    ;; The factors, and the first two of the steps, which stay inside four numbers.
    (local.set $at (local.get $vector))
    (loop $four
      (local.set $a (f32x4.mul (v128.load (local.get $at)) (v128.load (local.get $factors))))
      (local.set $a (f32x4.add
        (i8x16.shuffle 0 1 2 3 0 1 2 3 8 9 10 11 8 9 10 11 (local.get $a) (local.get $a))
        (v128.xor (v128.const i32x4 0 0x80000000 0 0x80000000)
          (i8x16.shuffle 4 5 6 7 4 5 6 7 12 13 14 15 12 13 14 15 (local.get $a) (local.get $a)))))
      (local.set $a (f32x4.add
        (i8x16.shuffle 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 (local.get $a) (local.get $a))
        (v128.xor (v128.const i32x4 0 0 0x80000000 0x80000000)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15
            (local.get $a) (local.get $a)))))
      (v128.store (local.get $at) (local.get $a))
      (local.set $factors (i32.add (local.get $factors) (i32.const 16)))
      (br_if $four (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (local.set $half (i32.const 16))
    (loop $step
      (local.set $at (local.get $vector))
      (loop $pair
        (local.set $stop (i32.add (local.get $at) (local.get $half)))
        (loop $four
          (local.set $a (v128.load (local.get $at)))
          (local.set $b (v128.load (i32.add (local.get $at) (local.get $half))))
          (v128.store (local.get $at) (f32x4.add (local.get $a) (local.get $b)))
          (v128.store (i32.add (local.get $at) (local.get $half))
            (f32x4.sub (local.get $a) (local.get $b)))
          (br_if $four (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop))))
        (br_if $pair (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (local.get $half))) (local.get $end))))
      (local.set $half (i32.shl (local.get $half) (i32.const 1)))
      (br_if $step (i32.lt_u (i32.add (local.get $vector) (local.get $half)) (local.get $end)))))

  (func (export "quantise")
    (param $vector i32) (param $length i32) (param $codes i32) (param $signs i32) (result f32)
    (local $at i32) (local $end i32) (local $most v128) (local $most1 f32) (local $by v128)
    (local.set $end (i32.add (local.get $vector) (i32.shl (local.get $length) (i32.const 2))))
    (local.set $most (v128.const i64x2 0 0))
    (local.set $at (local.get $vector))
    (loop $four
      (local.set $most (f32x4.max (local.get $most) (f32x4.abs (v128.load (local.get $at)))))
      (br_if $four (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (local.set $most1 (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $most)) (f32x4.extract_lane 1 (local.get $most)))
      (f32.max (f32x4.extract_lane 2 (local.get $most)) (f32x4.extract_lane 3 (local.get $most)))))
    (local.set $by (f32x4.splat (f32.div (f32.const 127) (local.get $most1))))
    (local.set $at (local.get $vector))
    (loop $sixteen
      (v128.store (local.get $codes) (i8x16.narrow_i16x8_s
        (i16x8.narrow_i32x4_s
          (call $round (v128.load (local.get $at)) (local.get $by))
          (call $round (v128.load offset=16 (local.get $at)) (local.get $by)))
        (i16x8.narrow_i32x4_s
          (call $round (v128.load offset=32 (local.get $at)) (local.get $by))
          (call $round (v128.load offset=48 (local.get $at)) (local.get $by)))))
      (i32.store16 (local.get $signs) (i8x16.bitmask (v128.load (local.get $codes))))
      (local.set $codes (i32.add (local.get $codes) (i32.const 16)))
      (local.set $signs (i32.add (local.get $signs) (i32.const 2)))
      (br_if $sixteen (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
    (f32.div (local.get $most1) (f32.const 127)))

  (func $round (param $four v128) (param $by v128) (result v128)
    (i32x4.trunc_sat_f32x4_s (f32x4.floor (f32x4.add
      (f32x4.mul (local.get $four) (local.get $by)) (f32x4.splat (f32.const 0.5)))))))
